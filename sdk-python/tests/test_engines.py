"""What a worker does, whichever loop it runs: the same tests over the blocking loop and over asyncio, plain and async callbacks."""

import contextlib
import functools
import io
import sys
import unittest

import harness
from harness import DRAIN, attach, binary, closed, datagram, encode, opened, request, serve, text
import gw
from gw import _wire as wire

FRAME_LIMIT = 32 * 1024


class Suite:
    """Builds an app from plain functions; subclasses decide how they become callbacks."""

    acks = False  # ACK instead of DONE

    def app(self, **callbacks):
        app = gw.Worker()
        for name, function in callbacks.items():
            getattr(app, name)(self.callback(function))
        return self.beside(app)

    def beside(self, app):
        """What decides on the loop beside the callbacks."""
        return app

    def serve(self, app, *messages, **options):
        """Runs the app; returns the messages it wrote between READY and BYE, without acknowledgements."""
        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.written, self.exit = serve(app, *messages, **options)
        self.log = log.getvalue()
        everything = self.written.messages
        self.assertEqual(everything[0][0], wire.READY)
        self.bye = everything[-1] if everything[-1][0] == wire.BYE else None
        self.acknowledged = sum(m[-1] for m in everything if m[0] in (wire.ACK, wire.DONE))
        self.assertFalse(any(m[0] == (wire.DONE if self.acks else wire.ACK) for m in everything))
        return [m for m in everything if m[0] not in (wire.READY, wire.ACK, wire.DONE, wire.BYE)]

    def check_acknowledged(self, requests=0, others=0):
        self.assertEqual(self.acknowledged, requests + others if self.acks else others)

    # Datagrams.

    SOCKETS = [[1, "front", "http", "127.0.0.1:80"], [3, "metrics", "udp", "0.0.0.0:8125"], [4, "dns", "udp", "0.0.0.0:53"]]

    def test_a_datagram_is_answered_to_its_sender(self):
        def message(connection, data):
            seen.append((connection.id, connection.listener, connection.kind, connection.peer, connection.path, data))
            connection.send(b"got " + data)
            connection.close()

        seen = []
        out = self.serve(self.app(on_message=message), datagram(b"a", 1), datagram(b"\xff", 2, "192.0.2.1"), listeners=self.SOCKETS)
        self.assertEqual(seen, [(0, "metrics", "udp", "192.0.2.7:5000", "", data) for data in (b"a", b"\xff")])
        self.assertEqual(out, [[wire.DGRAM_SEND, 3, "192.0.2.7:5000", b"got a"], [wire.DGRAM_SEND, 3, "192.0.2.7:5000", b"got \xff", "192.0.2.1"]])
        self.check_acknowledged(others=2)
        if not self.acks:
            self.assertEqual(sorted(m[1:] for m in self.written.messages if m[0] == wire.DONE), [[1, 1], [2, 1]])

    def test_nothing_lasts_beyond_a_datagram(self):
        def message(connection, data):
            for use in (lambda: connection.session, lambda: connection.join("x"), lambda: connection.leave("x"), lambda: connection.bind("x")):
                with self.assertRaisesRegex(RuntimeError, "no connection"):
                    use()
            with self.assertRaisesRegex(ValueError, "65507 are allowed"):
                connection.send(b"x" * 65508)
            connection.send("checked")

        out = self.serve(self.app(on_message=message), datagram(b"a"), listeners=self.SOCKETS)
        self.assertEqual(out, [[wire.DGRAM_SEND, 3, "192.0.2.7:5000", b"checked"]], self.log)

    def test_an_exception_on_a_datagram_is_reported(self):
        def message(connection, data):
            raise KeyError("oops") if data == b"bad" else connection.send(data)

        out = self.serve(self.app(on_message=message), datagram(b"bad", 1), datagram(b"good", 2), listeners=self.SOCKETS)
        self.assertEqual([m[3] for m in out], [b"good"])
        self.assertIn("on_message of a datagram from 192.0.2.7:5000 failed", self.log)
        self.check_acknowledged(others=2)

    def test_datagrams_go_to_any_address(self):
        def index(request):
            gw.gateway.send_datagram("192.0.2.7:5000", "a")
            gw.gateway.send_datagram("[::1]:9", b"b", listener="dns")

        out = self.serve(self.app(on_request=index), request(), listeners=self.SOCKETS)
        self.assertEqual(out[:2], [[wire.DGRAM_SEND, 3, "192.0.2.7:5000", b"a"], [wire.DGRAM_SEND, 4, "[::1]:9", b"b"]])
        self.serve(self.app(on_request=index), request())
        self.assertIn("there is no udp listener", self.log)

    # Requests.

    def test_answers_requests_in_order(self):
        app = self.app(on_request=lambda request: f"hello {request.id}")
        out = self.serve(app, *(request(sid) for sid in (1, 2, 3)))
        self.assertEqual([(m[0], m[1], m[4]) for m in out], [(wire.RES, sid, b"hello %d" % sid) for sid in (1, 2, 3)])
        self.assertEqual(self.bye, [wire.BYE, "drain", 0])
        self.check_acknowledged(requests=3)

    def test_an_exception_answers_500_and_the_worker_lives(self):
        def index(request):
            if request.path == "/bad":
                raise KeyError("sécret <b>")
            return "fine"

        out = self.serve(self.app(on_request=index), request(1, "/bad", "q=1"), request(2))
        self.assertEqual([m[2] for m in out], [500, 200])
        self.assertEqual(out[0][4], b"Internal Server Error\n")
        self.assertIn("request 1 GET /bad?q=1 failed", self.log)
        self.assertIn("KeyError: 'sécret <b>'", self.log)
        self.check_acknowledged(requests=2)

    def test_debug_mode_shows_the_traceback(self):
        def index(request):
            raise KeyError("<b>")

        (out,) = self.serve(self.app(on_request=index), request(path="/<x>"), debug=True)
        self.assertEqual((out[2], out[3]), (500, harness.fields(content_type="text/html; charset=utf-8")))
        self.assertIn(b"KeyError: &#x27;&lt;b&gt;&#x27;", out[4])
        self.assertIn(b"/&lt;x&gt;", out[4])
        self.assertNotIn(b"<b>", out[4])

    def test_what_is_no_answer_is_a_500(self):
        for bad in (object(), gw.Response(99), gw.Response(200, {"a": "x\r\ny"}), gw.Response.stream(5), "\ud800",
                    gw.Response(200, {"x": "y" * (1 << 20)})):
            out = self.serve(self.app(on_request=lambda request: bad), request(1), request(2, "/next"))
            self.assertEqual([m[2] for m in out], [500, 500], bad)

    def test_a_malformed_request_is_a_400(self):
        (out,) = self.serve(self.app(on_request=lambda request: request.json()), request(body=b"{"))
        self.assertEqual(out[2], 400)
        self.assertEqual(self.log, "")

    def test_without_on_request_the_answer_says_so(self):
        (out,) = self.serve(self.app(on_message=lambda: None), request())
        self.assertEqual(out[2], 404)
        self.assertIn(b"no on_request", out[4])

    # Connections.

    def test_text_and_binary_come_and_go_as_what_they_are(self):
        heard = []

        def echo(connection, data):
            heard.append(data)
            connection.send(data)

        out = self.serve(self.app(on_message=echo), opened(), text("é"), binary(b"\xff"), binary(b"plain"), text(""))
        self.assertEqual(heard, ["é", b"\xff", b"plain", ""])
        self.assertEqual(out, [[wire.SEND, 300, 0, "é".encode()], [wire.SEND, 300, 1, b"\xff"], [wire.SEND, 300, 1, b"plain"],
                               [wire.SEND, 300, 0, b""]])
        self.check_acknowledged(others=5)

    def test_text_that_is_not_utf8_goes_back_as_it_came(self):
        out = self.serve(self.app(on_message=lambda connection, data: connection.send(data)), opened(), [wire.MSG, 300, 0, b"a\xff\xc3"])
        self.assertEqual(out, [[wire.SEND, 300, 0, b"a\xff\xc3"]])

    def test_the_life_of_a_connection(self):
        seen = []
        app = self.app(
            on_connect=lambda c: seen.append((c.id, c.kind, c.listener, c.peer, c.path, c.query["q"], c.headers["X-A"])),
            on_message=lambda c, data: seen.append(data),
            on_close=lambda c, code, reason: seen.append((c.id, code, reason)),
        )
        self.assertEqual(self.serve(app, opened(path="/caf%C3%A9", query="q=1", headers="x-a: b\n"), text("x"), closed(300, 1001, "bye")), [])
        self.assertEqual(seen, [(300, "websocket", "front", "10.0.0.1:5000", "/café", "1", "b"), "x", (300, 1001, "bye")])
        self.check_acknowledged(others=3)

    def test_callbacks_may_take_fewer_arguments(self):
        seen = []
        app = self.app(
            on_connect=lambda: seen.append("connect"),
            on_message=lambda connection: seen.append(connection.id),
            on_close=lambda connection, code: seen.append(code),
        )
        self.serve(app, opened(), text("x"), closed(300, 1001))
        self.assertEqual(seen, ["connect", 300, 1001])

    def test_what_a_connection_can_do(self):
        def act(c):
            c.send("t"), c.send(b"b"), c.send("t", binary=True), c.send(b"b", binary=False), c.send(memoryview(b"m"))
            c.join("room"), c.leave("room"), c.bind("u1"), c.close(4000, "enough")
            self.assertEqual(c.uid, "u1")
            for group in ("", "x" * 129):
                with self.assertRaises(ValueError):
                    c.join(group)
            with self.assertRaises(TypeError):
                c.send(5)

        out = self.serve(self.app(on_connect=act), opened())
        self.assertEqual(self.log, "")
        self.assertEqual(out, [
            [wire.SEND, 300, 0, b"t"], [wire.SEND, 300, 1, b"b"], [wire.SEND, 300, 1, b"t"], [wire.SEND, 300, 0, b"b"], [wire.SEND, 300, 1, b"m"],
            [wire.JOIN, 300, "room"], [wire.LEAVE, 300, "room"], [wire.BIND, 300, "u1"], [wire.CLOSE, 300, 4000, "enough"],
        ])

    def test_what_the_gateway_can_do(self):
        def act(request):
            g = gw.gateway
            g.send(300, "x"), g.send_many([1, 2], b"y"), g.close(300, 1001, "r"), g.broadcast("all"), g.broadcast("some", "lines", exclude=[5])
            g.publish("room", "x", exclude=[300]), g.send_to_uid("u1", "x"), g.send_many(range(5000), "")
            with self.assertRaises(ValueError):
                g.broadcast("x", "no such listener")

        out = self.serve(self.app(on_request=act), request())
        self.assertEqual(self.log, "")
        self.assertEqual(out[:7], [
            [wire.SEND, 300, 0, b"x"], [wire.SENDMANY, [1, 2], 1, b"y"], [wire.CLOSE, 300, 1001, "r"], [wire.BROADCAST, 0, 0, b"all", []],
            [wire.BROADCAST, 2, 0, b"some", [5]], [wire.PUBLISH, "room", 0, b"x", [300]], [wire.SENDUID, "u1", 0, b"x"],
        ])
        self.assertEqual([cid for m in out[7:] if m[0] == wire.SENDMANY for cid in m[1]], list(range(5000)))

    def test_a_failing_callback_is_logged_and_counts(self):
        def fail(*arguments):
            raise ValueError("on purpose")

        app = self.app(on_connect=fail, on_message=fail, on_close=fail, on_buffer_full=fail)
        self.serve(app, opened(), text("x"), [wire.BUF, 300, 1], closed())
        for name in ("on_connect", "on_message", "on_close", "on_buffer_full"):
            self.assertIn(f"{name} of connection 300 failed", self.log)
        self.check_acknowledged(others=4)

    def test_buffer_events(self):
        seen = []
        app = self.app(on_buffer_full=lambda c: seen.append("full"), on_buffer_drain=lambda c: seen.append("drain"))
        self.serve(app, opened(), [wire.BUF, 300, 1], [wire.BUF, 300, 0])
        self.assertEqual(seen, ["full", "drain"])
        self.check_acknowledged(others=3)

    def test_a_message_too_large_for_a_frame_is_refused_here(self):
        out = self.serve(self.app(on_message=lambda c, data: (c.send(b"x" * (1 << 20)),)), opened(), text("x"))
        self.assertEqual(out, [])
        self.assertIn("max_frame", self.log)

    # Sessions.

    def test_a_changed_session_is_sent_behind_the_callback(self):
        def count(c, data):
            c.session["n"] = c.session.get("n", 0) + 1
            c.session["n"] += 0
            c.send(data)

        out = self.serve(self.app(on_message=count), attach(session=b"\x81\xa1n\x05", uid="u1"), text("a"), text("b"))
        self.assertEqual([m for m in out if m[0] == wire.SESSION], [[wire.SESSION, 300, b"\x81\xa1n\x06"], [wire.SESSION, 300, b"\x81\xa1n\x07"]])
        self.check_acknowledged(others=2)

    def test_a_session_that_was_only_read_is_not_sent(self):
        out = self.serve(self.app(on_message=lambda c, data: c.send(f"{c.session['n']} {c.uid}")), attach(session=b"\x81\xa1n\x05", uid="u1"), text("a"))
        self.assertEqual(out, [[wire.SEND, 300, 0, b"5 u1"]])

    def test_a_connection_knows_whether_its_client_speaks_tls(self):
        app = self.app(on_connect=lambda c: c.send(f"{c.secure} {c.headers.get('x-client-cert-subject')}"), on_message=lambda c, data: c.send(str(c.secure)))
        secure = [*opened(301, "text", "", headers="x-client-cert-subject: CN=alice\n"), 4, b"", ""]
        out = self.serve(app, secure, opened(302, "text", "", headers=""), [*attach(), wire.TLS], text("x"))
        self.assertEqual([m[3] for m in out if m[0] == wire.SEND], [b"True CN=alice", b"False None", b"True"])

    def test_every_change_of_a_session_is_noticed(self):
        changes = [lambda s: s.update(a=1), lambda s: s.pop("n"), lambda s: s.clear(), lambda s: s.setdefault("b", 1), lambda s: s.__delitem__("n"),
                   lambda s: s.popitem(), lambda s: s.__ior__({"c": 1}), lambda s: s.save()]
        for change in changes:
            out = self.serve(self.app(on_message=lambda c, data: change(c.session) and None), attach(session=b"\x81\xa1n\x05"), text("a"))
            self.assertEqual([m[0] for m in out], [wire.SESSION], self.log)

    def test_a_session_that_cannot_be_kept_is_reported(self):
        for bad, wanted in (({"x": "y" * 17000}, "16384 are allowed"), ({"x": object()}, "cannot be kept"), ({1: 2}, "is no text")):
            out = self.serve(self.app(on_message=lambda c, data: c.session.update(bad)), opened(), text("a"), text("b"))
            self.assertEqual(out, [])
            self.assertIn(wanted, self.log)
            self.check_acknowledged(others=3)

    def test_attach_with_the_headers_of_the_handshake(self):
        message = attach(session=b"\x81\xa1n\x05", uid="u", headers=b"x-a: b\n")
        app = self.app(on_message=lambda c, data: c.send(f"{c.headers['x-a']} {c.session['n']} {c.uid}"))
        self.assertEqual(self.serve(app, message, text("a")), [[wire.SEND, 300, 0, b"b 5 u"]])

    # Streamed answers.

    def stream(self, response, *more, react=None, credit=256 << 10, method="GET"):
        out = self.serve(self.app(on_request=lambda request: response), request(method=method), *more, react=react, stream_credit=credit)
        return [m for m in out if m[1] == 1]

    def test_a_stream_goes_out_piece_by_piece(self):
        out = self.stream(gw.Response.stream(["a", b"", b"b"], 201, {"x-a": "b"}))
        self.assertEqual(out, [[wire.RES_START, 1, 201, harness.fields(content_type="text/plain; charset=utf-8", x_a="b"), b""],
                               [wire.RES_CHUNK, 1, b"a"], [wire.RES_CHUNK, 1, b"b"], [wire.RES_END, 1, b""]])
        self.check_acknowledged(requests=1)

    def test_a_stream_never_runs_ahead_of_its_credit(self):
        owed = []

        def react(message):
            if message[0] == wire.RES_CHUNK:
                owed.append(len(message[2]))
                self.assertLessEqual(sum(owed), 100)
                if sum(owed) == 100:
                    taken, owed[:] = sum(owed), []
                    return [[wire.CREDIT, 1, taken - 50], [wire.CREDIT, 1, 50]]

        out = self.stream(gw.Response.stream(b"x" * 70 for _ in range(20)), react=react, credit=100)
        self.assertEqual(sum(len(m[2]) for m in out if m[0] == wire.RES_CHUNK), 1400)

    def test_a_large_body_is_cut_into_chunks(self):
        def react(message):
            return [[wire.CREDIT, 1, len(message[2])]] if message[0] == wire.RES_CHUNK else None

        out = self.stream(b"x" * 600_000, react=react)
        self.assertEqual(out[0][3], harness.fields(content_type="application/octet-stream", content_length="600000"))
        self.assertEqual(b"".join(m[2] for m in out[1:]), b"x" * 600_000)
        self.assertTrue(all(len(m[2]) <= 32768 for m in out[1:]))

    def test_an_exception_in_the_middle_cuts_the_answer_off(self):
        def pieces():
            yield "a"
            raise RuntimeError("on purpose")

        self.assertEqual([(m[0], m[2]) for m in self.stream(gw.Response.stream(pieces()))],
                         [(wire.RES_START, 200), (wire.RES_CHUNK, b"a"), (wire.RES_END, None)])
        self.assertIn("on purpose", self.log)
        self.check_acknowledged(requests=1)

    def test_an_exception_before_the_first_piece_is_a_500(self):
        def pieces():
            raise RuntimeError("on purpose")
            yield

        self.assertEqual([(m[0], m[2]) for m in self.stream(gw.Response.stream(pieces()))], [(wire.RES, 500)])

    def test_an_abort_closes_the_generator(self):
        ended = []

        def pieces():
            try:
                while True:
                    yield b"x" * 50
            finally:
                ended.append(True)

        def react(message):
            return [[wire.ABORT, 1, 1]] if message[0] == wire.RES_CHUNK and not ended else None

        for credit in (100, 1 << 40):  # noticed while waiting for credit, and with credit left
            ended.clear()
            out = self.stream(gw.Response.stream(pieces()), react=react, credit=credit)
            self.assertEqual(ended, [True])
            self.assertEqual(out[-1], [wire.RES_END, 1, None])
            self.assertEqual(self.log, "")

    def test_an_abort_right_behind_its_request_is_not_missed(self):
        """The stream must not wait for credit: none will come."""
        out = self.stream(gw.Response.stream(b"x" * 50 for _ in range(20)), [wire.ABORT, 1, 1], credit=100)
        if out[0][0] == wire.RES_START:  # Python 3.12 and later begin an async callback at once
            self.assertEqual(out[-1], [wire.RES_END, 1, None])
        else:
            self.assertEqual([(m[0], m[2]) for m in out], [(wire.RES, 503)])
        self.check_acknowledged(requests=1)

    def test_other_work_waits_for_its_turn_while_a_stream_waits(self):
        def index(request):
            return gw.Response.stream([b"x" * 20]) if request.id == 1 else "next"

        def react(message):
            if message[0] == wire.RES_CHUNK and message[2] == b"x" * 10:
                return [request(2), request(3), [wire.PING, 9], [wire.CREDIT, 1, 10]]

        # Ten bytes, then ten more once there is credit: the second piece triggers the script again, with requests nobody counts.
        out = self.serve(self.app(on_request=index), request(1), react=react, stream_credit=10)
        self.assertEqual(sorted({m[1] for m in out if m[0] == wire.RES}), [2, 3])
        self.assertEqual(b"".join(m[2] for m in out if m[0] == wire.RES_CHUNK), b"x" * 20)

    def test_head_sends_no_body_and_still_closes_the_generator(self):
        ended = []

        class Pieces:
            def __iter__(self):
                return self

            def __next__(self):
                return "a"

            def close(self):
                ended.append(True)

        self.assertEqual([m[0] for m in self.stream(gw.Response.stream(Pieces()), method="HEAD")], [wire.RES_START, wire.RES_END])
        self.assertEqual(ended, [True])

    def test_events_start_at_once(self):
        out = self.stream(gw.Response.events({"data": n, "id": n} for n in range(2)))
        self.assertEqual([m[2] for m in out[1:]], [b"id: 0\ndata: 0\n\n", b"id: 1\ndata: 1\n\n", b""])

    # The end.

    def test_drain_calls_on_stop_and_says_bye(self):
        seen = []
        app = self.app(on_request=lambda r: "x", on_start=lambda: seen.append("start"), on_stop=lambda: seen.append("stop"))
        self.serve(app, request())
        self.assertEqual((seen, self.bye, self.exit), (["start", "stop"], [wire.BYE, "drain", 0], None))

    def test_a_failing_on_stop_does_not_hinder_bye(self):
        self.serve(self.app(on_request=lambda r: "x", on_stop=lambda: 1 / 0))
        self.assertEqual(self.bye, [wire.BYE, "drain", 0])
        self.assertIn("on_stop failed", self.log)

    def test_the_end_of_the_pipe_ends_the_worker(self):
        seen = []
        self.serve(self.app(on_request=lambda r: "x", on_stop=lambda: seen.append("stop")), request(), drain=False, ends=True)
        self.assertEqual((self.bye, self.exit, seen), (None, None, []))

    def test_exit_in_a_request_answers_it_first(self):
        def index(request):
            if request.id == 2:
                sys.exit(9)
            return "fine"

        out = self.serve(self.app(on_request=index), request(1), request(2), drain=False)
        self.assertEqual([(m[1], m[2]) for m in out if m[0] == wire.RES], [(1, 200), (2, 500)])
        self.assertEqual((self.bye, self.exit), ([wire.BYE, "exit", 0], 9))
        self.check_acknowledged(requests=2)

    def test_exit_in_a_message_leaves_it_unacknowledged(self):
        self.serve(self.app(on_message=lambda c, data: sys.exit(3)), opened(), text("x"), drain=False)
        self.assertEqual((self.bye, self.exit), ([wire.BYE, "exit", 1], 3))
        self.check_acknowledged(others=1)

    def test_a_failing_on_start_ends_the_worker_before_ready(self):
        with self.assertRaises(ZeroDivisionError):
            serve(self.app(on_request=lambda r: "x", on_start=lambda: 1 / 0))

    # The wire.

    def test_ping(self):
        self.assertEqual(self.serve(self.app(on_request=lambda r: "x"), [wire.PING, 7]), [[wire.PONG, 7]])

    def test_input_may_arrive_in_any_pieces(self):
        app = self.app(on_request=lambda r: "hello", on_message=lambda c, data: c.send(data))
        stream = encode(request(1), opened(), text("a")) + encode(text("b"), closed(), DRAIN)
        whole = self.serve(app, pieces=[stream], drain=False)
        self.assertEqual(len(whole), 3)
        for cut in range(1, len(stream)):
            self.assertEqual(self.serve(app, pieces=[stream[:cut], stream[cut:]], drain=False), whole)
        self.assertEqual(self.serve(app, pieces=[stream[at : at + 1] for at in range(len(stream))], drain=False), whole)

    def test_a_violation_exits_with_70_and_says_why(self):
        for piece, wanted in [(b"Hello World\n", "frame of"), (encode([0x7F]), "unknown message 0x7f"), (encode(text("x")), "connection 300"),
                              (encode(closed()), "connection 300"), (encode([wire.HELLO, 1, 1, 5]), "HELLO without a map")]:
            self.serve(self.app(on_request=lambda r: "x", on_message=lambda: None), pieces=[piece], drain=False)
            self.assertEqual(self.exit, 70)
            self.assertRegex(self.log, "^gw: protocol violation: .*" + wanted)
            self.assertIsNone(self.bye)

    def test_versions_must_meet(self):
        script = harness.Script([encode([wire.HELLO, 2, 3, harness.HELLO_MAP])])
        with contextlib.redirect_stderr(io.StringIO()) as log, self.assertRaises(SystemExit) as exit:
            self.app(on_request=lambda r: "x")._serve(script)
        self.assertEqual(exit.exception.code, 70)
        self.assertIn("gw-ipc 2 to 3", log.getvalue())

    def test_frames_keep_to_their_limits_and_carry_acknowledgements(self):
        sizes = [10, 40_000, 5_000] * 10 + [0] * 300
        app = self.app(on_request=lambda r: gw.Response(200, {"x": "y"}, b"z" * sizes[r.id]))
        out = self.serve(app, *(request(sid) for sid in range(len(sizes))))
        self.assertEqual([m[1] for m in out], list(range(len(sizes))))
        answered = acknowledged = 0
        for frame in self.written.frames[1:]:
            self.assertLessEqual(len(frame), 128)
            size = len(encode(*frame))
            self.assertTrue(size <= FRAME_LIMIT or sum(m[0] == wire.RES for m in frame) == 1, size)
            answered += sum(m[0] == wire.RES for m in frame)
            acknowledged += sum(m[1] for m in frame if m[0] == wire.ACK)
            if self.acks:
                self.assertEqual(acknowledged, answered)

    def test_many_sends_in_one_callback_keep_to_the_limits(self):
        app = self.app(on_message=lambda c, data: [c.send("x" * 1000) for _ in range(500)] and None)
        self.assertEqual(len(self.serve(app, opened(), text("go"))), 500)
        for frame in self.written.frames:
            self.assertLessEqual(len(frame), 128)
            self.assertLessEqual(len(encode(*frame)), FRAME_LIMIT)
        self.check_acknowledged(others=2)


class BlockingTest(Suite, unittest.TestCase):
    acks = True

    def callback(self, function):
        return function

    def test_questions_wait_for_the_reply_and_keep_other_work_for_later(self):
        order = []

        def index(r):
            order.append(("begin", r.id))
            found = gw.gateway.count("room") if r.id == 1 else 0
            order.append(("end", r.id))
            return str(found)

        def react(message):
            if message[0] == wire.CALL:
                self.assertEqual(message[2:], ["count", ["room"]])
                return [request(2), [wire.REPLY, message[1], True, 12]]

        out = self.serve(self.app(on_request=index), request(1), react=react)
        self.assertEqual([m[4] for m in out if m[0] == wire.RES], [b"12", b"0"])
        self.assertEqual(order, [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)])

    def test_a_question_may_fail(self):
        def index(r):
            with self.assertRaisesRegex(gw.GatewayError, "no such"):
                gw.gateway.is_online("u1")
            return gw.gateway.list(limit=5)

        def react(message):
            if message[0] == wire.CALL:
                return [[wire.REPLY, message[1], False, "no such thing"] if message[2] == "is_online" else [wire.REPLY, message[1], True, message[3]]]

        out = self.serve(self.app(on_request=index), request(1), react=react)
        self.assertEqual(out[-1][4], b'["",5]')

    def test_the_pipe_may_end_in_the_middle_of_a_question(self):
        def index(r):
            try:
                gw.gateway.count()
            except Exception:
                self.fail("a callback must not see the end of the pipe as an error of its own")

        self.serve(self.app(on_request=index), request(1), drain=False, ends=True)
        self.assertIsNone(self.bye)

    def test_an_aborted_request_that_waits_is_not_begun(self):
        begun = []

        def index(r):
            begun.append(r.id)
            return str(gw.gateway.count())

        def react(message):
            if message[0] == wire.CALL:
                return [request(2), [wire.ABORT, 2, 1], [wire.REPLY, message[1], True, 0]]

        self.serve(self.app(on_request=index), request(1), react=react)
        self.assertEqual(begun, [1])
        self.check_acknowledged(requests=2)

    def test_an_async_iterable_is_refused(self):
        async def pieces():
            yield "a"

        self.assertEqual([m[2] for m in self.stream(gw.Response.stream(pieces()))], [500])
        self.assertIn("async def", self.log)


class AsyncTest(Suite, unittest.TestCase):
    def callback(self, function):
        @functools.wraps(function)
        async def callback(*arguments):
            return function(*arguments)

        return callback


class PlainInAsyncTest(Suite, unittest.TestCase):
    """Plain callbacks beside an async one."""

    def callback(self, function):
        return function

    def beside(self, app):
        @app.every(3600)
        async def never():
            pass

        return app


class SerialAsyncTest(AsyncTest):
    """Async callbacks, one at a time: acknowledged like a plain worker."""

    acks = True

    def beside(self, app):
        app._concurrency = 1
        return app


del Suite

if __name__ == "__main__":
    unittest.main()
