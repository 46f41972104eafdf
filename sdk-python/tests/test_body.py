"""Bodies read piece by piece, in plain and in async callbacks, and by WSGI and ASGI applications."""

import contextlib
import io
import os
import tempfile
import unittest

from harness import Sender, request, serve
import gw
import gw.asgi
import gw.wsgi
from gw import _wire as wire

LONG = bytes(range(256)) * 2000


class Case(unittest.TestCase):
    def run_worker(self, worker, *messages, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.written, _ = serve(worker, *messages, **options)
        self.log = log.getvalue()
        self.ready = self.written.messages[0][2]
        return {m[1]: m for m in self.written.messages if m[0] == wire.RES}

    def upload(self, worker, sender, **options):
        return self.run_worker(worker, *sender.requests(), react=sender, **options)


class PlainTest(Case):
    def worker(self, function):
        worker = gw.Worker(stream_bodies=True)
        worker.on_request(function)
        return worker

    def test_asks_for_streams_only_when_told(self):
        self.run_worker(self.worker(lambda request: "x"))
        self.assertIs(self.ready["stream_body"], True)
        self.run_worker(gw.Worker())
        self.assertNotIn("stream_body", self.ready)

    def test_a_plain_callback_in_an_event_loop_gets_no_streams(self):
        worker = self.worker(lambda request: "x")

        @worker.on_message
        async def message(connection, data):
            pass

        self.run_worker(worker)
        self.assertNotIn("stream_body", self.ready)

    def test_pieces_arrive_as_they_are_read_and_no_more_waits_than_the_credit(self):
        got = []

        def index(request):
            for piece in request.stream():
                got.append(piece)
            return str(len(got))

        sender = Sender({1: LONG}, piece=900)
        self.upload(self.worker(index), sender, stream_credit=4000)
        self.assertEqual(b"".join(got), LONG)
        self.assertLessEqual(max(map(len, got)), 900)
        self.assertLessEqual(sender.ahead, 4000)

    def test_read_takes_so_many_bytes(self):
        def index(request):
            parts = [request.read(3), request.read(2000), next(request.stream()), request.read(0), request.read(), request.read(5)]
            self.assertEqual((len(parts[0]), len(parts[1]), parts[3], parts[5]), (3, 2000, b"", b""))
            return b"".join(parts)

        out = self.upload(self.worker(index), Sender({1: LONG[:9000]}))
        self.assertEqual(out[1][4], LONG[:9000], self.log)

    def test_body_collects(self):
        out = self.upload(self.worker(lambda request: [request.json(), request.json()]), Sender({1: b'{"a": 1}'}, piece=3))
        self.assertEqual(out[1][4], b'[{"a":1},{"a":1}]')

    def test_body_after_a_part_was_read_is_an_error(self):
        def index(request):
            request.read(3)
            with self.assertRaisesRegex(RuntimeError, "part of the body"):
                request.body
            return "fine"

        self.assertEqual(self.upload(self.worker(index), Sender({1: LONG}))[1][4], b"fine", self.log)

    def test_every_kind_of_body_can_be_streamed(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(LONG)
            file.flush()
            out = self.run_worker(
                self.worker(lambda request: str(sum(map(len, request.stream())))),
                request(1), request(2, body=b"short"), request(3, body=file.name.encode(), flags=wire.BODY_IN_FILE),
            )
        self.assertEqual([out[sid][4] for sid in (1, 2, 3)], [b"0", b"5", b"512000"])

    def test_a_body_nobody_reads_is_never_asked_for(self):
        sender = Sender({1: LONG, 2: b"abc"})
        out = self.upload(self.worker(lambda request: "no" if request.id == 1 else request.body), sender)
        self.assertEqual((sender.asked, out[1][4], out[2][4]), ({1: 0, 2: 256 << 10}, b"no", b"abc"))

    def test_what_comes_behind_the_answer_is_ignored(self):
        out = self.run_worker(self.worker(lambda request: "x"), request(1), [wire.BODY, 1, b"late", 1], request(2))
        self.assertEqual(sorted(out), [1, 2])

    def test_other_messages_wait_in_order(self):
        order = []

        def index(request):
            order.append(request.id)
            size = len(request.body)
            order.append(request.id)
            return str(size)

        sender = Sender({1: LONG}, piece=70_000)
        self.upload(self.worker(index), sender)
        self.assertEqual(order, [1, 1])
        sender = Sender({1: b"one", 2: b"two", 3: b"three"})
        order.clear()
        self.upload(self.worker(index), sender)
        self.assertEqual(order, [1, 1, 2, 2, 3, 3])

    def test_a_client_that_leaves_ends_the_read(self):
        seen = []

        def index(request):
            try:
                for piece in request.stream():
                    seen.append(piece)
            finally:
                seen.append(request.disconnected)

        self.upload(self.worker(index), Sender({1: LONG}, stop_at=3000))
        self.assertEqual(seen, [LONG[:1000], LONG[1000:2000], LONG[2000:3000], True])
        self.assertEqual(self.log, "", "nobody's fault")
        self.assertEqual(self.written.messages[-1], [wire.BYE, "drain", 0])

    def test_a_connected_client_is_not_disconnected(self):
        out = self.run_worker(self.worker(lambda request: str(request.disconnected)), request(1))
        self.assertEqual(out[1][4], b"False")

    def test_a_multipart_form_is_put_into_a_file(self):
        body = b'--b\r\ncontent-disposition: form-data; name="f"; filename="x"\r\n\r\n' + LONG + b"\r\n--b--\r\n"
        files = []

        def index(request):
            upload = request.files["f"]
            files.append(request._file.name)
            return upload.read()[:10]

        sender = Sender({1: body})
        messages = [request(1, method="POST", flags=wire.BODY_FOLLOWS, headers='content-type: multipart/form-data; boundary="b"\n')]
        out = self.run_worker(self.worker(index), *messages, react=sender)
        self.assertEqual(out[1][4], LONG[:10], self.log)
        self.assertFalse(os.path.exists(files[0]))

    def test_an_urlencoded_form_is_collected(self):
        sender = Sender({1: b"a=1&b=2"}, piece=2)
        messages = [request(1, method="POST", flags=wire.BODY_FOLLOWS, headers="content-type: application/x-www-form-urlencoded\n")]
        out = self.run_worker(self.worker(lambda request: dict(request.form)), *messages, react=sender)
        self.assertEqual(out[1][4], b'{"a":"1","b":"2"}', self.log)


class AsyncTest(Case):
    def worker(self, function):
        worker = gw.Worker(stream_bodies=True)
        worker.on_request(function)
        return worker

    def test_two_bodies_at_once(self):
        begun = []

        async def index(request):
            begun.append(request.id)
            size = 0
            async for piece in request.stream():
                self.assertEqual(set(piece), {request.id})
                size += len(piece)
                if len(begun) == 2:
                    begun.append("both under way")
            return str(size)

        out = self.upload(self.worker(index), Sender({1: b"\1" * 50_000, 2: b"\2" * 40_000}), stream_credit=4000)
        self.assertEqual((out[1][4], out[2][4]), (b"50000", b"40000"), self.log)
        self.assertIn("both under way", begun)

    def test_read_is_awaited_and_whole_bodies_are_then_there(self):
        async def index(request):
            if request.id == 2:
                return await request.read(2) + await request.read(1) + await request.read()
            if request.method == "POST" and request.id == 1:
                with self.assertRaisesRegex(RuntimeError, "await request.read"):
                    request.body
            await request.read()
            return [request.json(), len(request.body)]

        sender = Sender({1: b'{"a": 1}', 2: b"abcdef"}, piece=3)
        out = self.run_worker(self.worker(index), *sender.requests(), request(3, body=b"[2]"), react=sender)
        self.assertEqual([out[sid][4] for sid in (1, 2, 3)], [b'[{"a":1},8]', b"abcdef", b"[[2],3]"], self.log)

    def test_a_client_that_leaves_ends_the_read(self):
        seen = []

        async def index(request):
            try:
                async for piece in request.stream():
                    seen.append(len(piece))
            except gw.ClientGone:
                seen.append(request.disconnected)
                raise

        self.upload(self.worker(index), Sender({1: LONG}, stop_at=2000))
        self.assertEqual(seen, [1000, 1000, True])
        self.assertEqual(self.log, "")

    def test_nothing_is_kept_behind_the_answer(self):
        engines = []

        async def index(request):
            engines.append(gw.gateway._engine)
            return str(len(await request.read()))

        self.upload(self.worker(index), Sender({1: LONG}))
        self.assertEqual(engines[0].uploads, {})


class WsgiTest(Case):
    def upload_to(self, application, body, stream=True, **options):
        sender = Sender({1: body}, **options)
        return self.upload(gw.wsgi.worker(application, stream_bodies=stream), sender)

    def test_the_input_is_read_as_far_as_the_application_reads(self):
        def application(environ, start_response):
            source = environ["wsgi.input"]
            parts = [source.readline(), source.read(4), *source]
            start_response("200 OK", [("content-type", "text/plain")])
            return [repr(parts).encode()]

        out = self.upload_to(application, b"one\ntwo three\nfour", piece=5)
        self.assertEqual(out[1][4], b"[b'one\\n', b'two ', b'three\\n', b'four']", self.log)

    def test_streams_only_when_told(self):
        self.run_worker(gw.wsgi.worker(lambda environ, start_response: []))
        self.assertNotIn("stream_body", self.ready)

    def test_a_client_that_leaves_is_no_fault(self):
        def application(environ, start_response):
            environ["wsgi.input"].read()

        self.upload_to(application, LONG, stop_at=2000)
        self.assertEqual(self.log, "")


class AsgiTest(Case):
    def test_each_receive_is_a_piece(self):
        events = []

        async def application(scope, receive, send):
            assert scope["type"] == "http"
            while True:
                events.append(await receive())
                if not events[-1].get("more_body"):
                    break
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"done"})

        sender = Sender({1: LONG[:3000]})
        out = self.upload(gw.asgi.worker(application), sender, stream_credit=1500)
        self.assertIs(self.ready["stream_body"], True)
        self.assertEqual(out[1][4], b"done", self.log)
        self.assertEqual(b"".join(event["body"] for event in events), LONG[:3000])
        self.assertLessEqual(sender.ahead, 1500)

    def test_a_client_that_leaves_disconnects(self):
        events = []

        async def application(scope, receive, send):
            assert scope["type"] == "http"
            while not events or events[-1]["type"] != "http.disconnect":
                events.append(await receive())

        self.upload(gw.asgi.worker(application), Sender({1: LONG}, stop_at=2000))
        self.assertEqual([event["type"] for event in events], ["http.request", "http.request", "http.disconnect"])


if __name__ == "__main__":
    unittest.main()
