import contextlib
import io
import unittest

import harness
from harness import closed, opened, request, serve, text
import gw
import gw.asgi
from gw import _wire as wire

WEBSOCKET = 16


def handshake(sid=5, headers="host: shop.test\n", flags=WEBSOCKET):
    return request(sid, "/chat", "room=1", headers=headers, flags=flags)


def of_gateway(session=b"", uid="", flags=0, cid=5):
    """OPEN behind an ACCEPT."""
    return [*opened(cid), flags, session, uid]


class Base(unittest.TestCase):
    def serve(self, worker, *messages, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.written, self.exit = serve(worker, *messages, **options)
        self.log = log.getvalue()
        return [m for m in self.written.messages if m[0] not in (wire.READY, wire.DONE, wire.ACK, wire.BYE)]


class CallbackTest(Base):
    """The same callbacks as plain functions and as coroutines."""

    def each(self, decide, *messages):
        async def decide_async(request):
            return decide(request)

        for function in (decide, decide_async):
            app = gw.Worker()
            app.on_handshake(function)
            yield self.serve(app, *messages)

    def test_it_is_asked_for_only_where_there_is_a_callback(self):
        for callback, wanted in ((None, []), (lambda request: True, ["handshake"])):
            app = gw.Worker()
            if callback:
                app.on_handshake(callback)
            self.serve(app)
            self.assertEqual(self.written.messages[0][2]["events"], wanted)

    def test_true_and_none_let_the_client_in(self):
        for answer in (True, None):
            for out in self.each(lambda request: answer, handshake()):
                self.assertEqual(out, [[wire.ACCEPT, 5, None, []]])

    def test_accept_says_what_the_connection_has(self):
        def decide(request):
            self.assertEqual((request.path, request.query["room"], request.subprotocols), ("/chat", "1", ["b", "a"]))
            return gw.Accept("a", {"x-a": "1"}, session={"n": 1}, uid="tom", groups=["room", "lobby"])

        for out in self.each(decide, handshake(headers="sec-websocket-protocol: b ,a\n")):
            self.assertEqual(out, [[wire.ACCEPT, 5, "a", harness.fields(x_a="1"), b"\x81\xa1n\x01", "tom", ["room", "lobby"]]])

    def test_refusals(self):
        for answer, status, body in ((False, 403, b"Forbidden\n"), (gw.Response(401, {"www-authenticate": "Bearer"}), 401, b""), (("no", 404), 404, b"no")):
            for out in self.each(lambda request: answer, handshake()):
                self.assertEqual([out[0][0], out[0][2], out[0][4]], [wire.RES, status, body])

    def test_a_failure_is_a_500_and_the_worker_lives(self):
        def decide(request):
            if request.id == 5:
                raise ValueError("on purpose")
            return "hello" if request.id == 6 else None

        for out in self.each(decide, handshake(5), handshake(6), handshake(7)):
            self.assertEqual([m[2] for m in sorted(out, key=lambda m: m[1])], [500, 500, None])
            self.assertIn("on purpose", self.log)
            self.assertIn("on_handshake returned str", self.log)

    def test_the_connection_has_what_accept_gave_it(self):
        for concurrent in (False, True):
            app = gw.Worker()

            def connect(connection):
                connection.send(f"{connection.uid} {connection.session['n']}")

            async def connect_async(connection):
                connect(connection)

            app.on_connect(connect_async if concurrent else connect)
            self.assertEqual(self.serve(app, of_gateway(b"\x81\xa1n\x01", "tom")), [[wire.SEND, 5, 0, b"tom 1"]])

    def test_what_the_gateway_would_not_take_is_refused_at_once(self):
        with self.assertRaises(ValueError):
            gw.Accept(groups=[""])
        with self.assertRaises(ValueError):
            gw.Accept(headers={"a b": "x"}).message(1)
        with self.assertRaises(ValueError):
            gw.Accept(session={"x": "y" * 20000}).message(1)


class AsgiTest(Base):
    def run_app(self, application, *messages, **options):
        async def outer(scope, receive, send):
            if scope["type"] == "lifespan":
                raise NotImplementedError
            await application(scope, receive, send)

        return self.serve(gw.asgi.worker(outer), *messages, **options)

    def test_accept_with_subprotocol_and_headers_then_messages(self):
        scopes = []

        async def application(scope, receive, send):
            scopes.append(scope)
            self.assertEqual((await receive())["type"], "websocket.connect")
            await send({"type": "websocket.accept", "subprotocol": "v2", "headers": [(b"x-a", b"1")]})
            while (event := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": event["text"] + "!"})

        out = self.run_app(application, handshake(headers="sec-websocket-protocol: v1, v2\n", flags=WEBSOCKET | wire.TLS), of_gateway(), text("a", 5), closed(5))
        self.assertEqual(out, [[wire.ACCEPT, 5, "v2", [[b"x-a", b"1"]]], [wire.SEND, 5, 0, b"a!"]])
        self.assertEqual(len(scopes), 1)
        self.assertEqual((scopes[0]["scheme"], scopes[0]["subprotocols"], scopes[0]["extensions"]), ("wss", ["v1", "v2"], {"websocket.http.response": {}}))
        self.assertEqual(sum(m[2] for m in self.written.messages if m[0] == wire.DONE), 3)

    def test_close_before_accept_is_a_403(self):
        async def close(scope, receive, send):
            await receive()
            await send({"type": "websocket.close", "code": 4000})
            self.assertEqual((await receive())["type"], "websocket.disconnect")

        async def leave(scope, receive, send):
            pass

        for application in (close, leave):
            self.assertEqual(self.run_app(application, handshake()), [[wire.RES, 5, 403, [], b""]])

    def test_an_answer_of_its_own(self):
        async def application(scope, receive, send):
            await send({"type": "websocket.http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Bearer")]})
            await send({"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
            await send({"type": "websocket.http.response.body", "body": b"are you"})

        self.assertEqual(self.run_app(application, handshake()), [[wire.RES, 5, 401, [[b"www-authenticate", b"Bearer"]], b"who are you"]])

    def test_a_failure_before_accept_is_a_500(self):
        async def application(scope, receive, send):
            raise ValueError("on purpose")

        self.assertEqual(self.run_app(application, handshake()), [[wire.RES, 5, 500, [], b""]])
        self.assertIn("on purpose", self.log)

    def test_a_client_that_leaves_meanwhile(self):
        seen = []

        async def application(scope, receive, send):
            await receive()
            seen.append((await receive())["type"])
            await send({"type": "websocket.accept"})

        out = self.run_app(application, handshake(), [wire.ABORT, 5, 1])
        self.assertEqual((out, seen), ([[wire.RES, 5, 503, [], b""]], ["websocket.disconnect"]))
        self.assertEqual(self.written.messages[-1], [wire.BYE, "drain", 0])


if __name__ == "__main__":
    unittest.main()
