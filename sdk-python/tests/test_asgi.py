import asyncio
import contextlib
import io
import unittest

import harness
from harness import attach, binary, closed, opened, request, serve, text
import gw.asgi
from gw import _wire as wire


def without_lifespan(application):
    async def outer(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        await application(scope, receive, send)

    return outer


class Base(unittest.TestCase):
    def serve(self, application, *messages, lifespan=False, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.written, self.exit = serve(gw.asgi.worker(application if lifespan else without_lifespan(application)), *messages, **options)
        self.log = log.getvalue()
        self.done = sum(m[2] for m in self.written.messages if m[0] == wire.DONE)
        return [m for m in self.written.messages if m[0] not in (wire.READY, wire.DONE, wire.BYE)]


class HttpTest(Base):
    def test_one_body_event_is_one_answer(self):
        async def application(scope, receive, send):
            event = await receive()
            await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"b")]})
            await send({"type": "http.response.body", "body": event["body"]})

        out = self.serve(application, request(1, body=b"one"), request(2, body=b"two"))
        self.assertEqual(out, [[wire.RES, 1, 201, [[b"x-a", b"b"]], b"one"], [wire.RES, 2, 201, [[b"x-a", b"b"]], b"two"]])

    def test_the_scope_is_complete(self):
        scopes = []

        async def application(scope, receive, send):
            scopes.append(dict(scope, headers=list(scope["headers"])))
            scope["headers"].clear()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        self.serve(application, *[request(sid, "/caf%C3%A9", "q=1", "POST", "host: a\nx: 1\nx: 2\n", flags=4) for sid in (1, 2)])
        wanted = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST", "scheme": "https",
            "path": "/café", "raw_path": b"/caf%C3%A9", "query_string": b"q=1", "root_path": "", "headers": [(b"host", b"a"), (b"x", b"1"), (b"x", b"2")],
            "client": ("10.0.0.1", 5000), "server": ("127.0.0.1", 8080), "state": {}, "extensions": {"http.response.pathsend": {}},
        }
        self.assertEqual(scopes, [wanted, wanted])

    def test_tells_the_version_of_http(self):
        versions = []

        async def application(scope, receive, send):
            versions.append(scope["http_version"])
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        self.serve(application, *[request(sid, flags=flags) for sid, flags in ((1, 0), (2, 8), (3, 32))])
        self.assertEqual(sorted(versions), ["1.0", "1.1", "2"])

    def test_more_body_streams(self):
        async def application(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for n in range(3):
                await send({"type": "http.response.body", "body": b"x" * 60, "more_body": n < 2})
            self.assertEqual((await receive())["type"], "http.request")
            self.assertEqual((await receive())["type"], "http.disconnect")

        def react(message):
            return [[wire.CREDIT, 1, len(message[2])]] if message[0] == wire.RES_CHUNK else None

        out = self.serve(application, request(), react=react, stream_credit=50)
        self.assertEqual((out[0][0], b"".join(m[2] for m in out[1:]), out[-1]), (wire.RES_START, b"x" * 180, [wire.RES_END, 1, b""]))
        self.assertEqual(self.log, "")

    def test_a_disconnect_is_told(self):
        told = []

        async def application(scope, receive, send):
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/stream":
                await send({"type": "http.response.body", "body": b"a", "more_body": True})
            else:
                gw.gateway.count()
            told.append((await receive())["type"])
            await send({"type": "http.response.body", "body": b"nobody reads this"})

        for path in ("/stream", "/"):
            out = self.serve(application, request(path=path),
                             react=lambda m: [[wire.ABORT, 1, 1]] if m[0] in (wire.RES_CHUNK, wire.CALL) else None)
            self.assertEqual(told.pop(), "http.disconnect")
            self.assertIn(out[-1][:3], ([wire.RES_END, 1, None], [wire.RES, 1, 503]))
            self.assertEqual(self.log, "")

    def test_an_abort_right_behind_its_request_is_not_missed(self):
        told = []

        async def application(scope, receive, send):
            told.extend([(await receive())["type"], (await receive())["type"]])

        out = self.serve(application, request(), [wire.ABORT, 1, 1])
        self.assertEqual(told, ["http.request", "http.disconnect"])
        self.assertEqual([m[:3] for m in out], [[wire.RES, 1, 503]])

    def test_failures(self):
        async def before(scope, receive, send):
            raise ValueError("on purpose")

        async def silent(scope, receive, send):
            await receive()

        async def late(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            raise ValueError("on purpose")

        async def wrong(scope, receive, send):
            await send({"type": "http.response.body"})

        async def after(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"fine"})
            raise ValueError("on purpose")

        for application, wanted in ((before, [500]), (silent, [500]), (wrong, [500]), (late, [200, b"a", None]), (after, [200])):
            self.assertEqual([m[2] for m in self.serve(application, request())], wanted)
            self.assertIn("failed", self.log)


async def echo(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
    scope["log"].append((event["code"], event["reason"]))


class WebSocketTest(Base):
    def echo(self, *messages, **options):
        self.ends, self.scopes = [], []

        async def application(scope, receive, send):
            self.scopes.append(scope)
            scope["log"] = self.ends
            await echo(scope, receive, send)

        return self.serve(application, *messages, **options)

    def test_echo(self):
        headers = "host: a\nsec-websocket-protocol: chat, v2\n"
        out = self.echo(opened(headers=headers, query="q=1"), text("é"), binary(b"\xff"), closed(300, 1001, "bye"))
        self.assertEqual(out, [[wire.SEND, 300, 0, "é".encode()], [wire.SEND, 300, 1, b"\xff"]])
        self.assertEqual((self.ends, self.done), ([(1001, "bye")], 4))
        scope = self.scopes[0]
        self.assertEqual((scope["type"], scope["scheme"], scope["path"], scope["query_string"], scope["subprotocols"]),
                         ("websocket", "ws", "/chat", b"q=1", ["chat", "v2"]))

    def test_a_client_with_tls(self):
        self.echo([*opened(), wire.TLS, b"", ""])
        self.assertEqual(self.scopes[0]["scheme"], "wss")

    def test_a_connection_that_moves_away_is_not_closed(self):
        self.assertEqual(self.echo(opened(), [wire.DETACH, 300]), [])
        self.assertEqual(self.ends, [(1012, "")])

    def test_connections_survive_a_drain(self):
        self.assertEqual(self.echo(opened(), text("x")), [[wire.SEND, 300, 0, b"x"]])
        self.assertEqual((self.ends, self.done, self.written.messages[-1]), ([(1012, "")], 2, [wire.BYE, "drain", 0]))

    def test_a_connection_that_arrives_from_another_worker(self):
        self.assertEqual(self.echo(attach(headers=b"host: a\n"), text("x")), [[wire.SEND, 300, 0, b"x"]])
        self.assertEqual(self.scopes[0]["headers"], [(b"host", b"a")])

    def test_a_refusal_closes_with_1008(self):
        async def refuse(scope, receive, send):
            await send({"type": "websocket.close", "code": 1000})

        async def leave(scope, receive, send):
            pass

        for application in (refuse, leave):
            out = self.serve(application, opened(), text("x"), react=lambda m: [closed(), harness.DRAIN] if m[0] == wire.CLOSE else None, drain=False)
            self.assertEqual(out, [[wire.CLOSE, 300, 1008, ""]])
            self.assertEqual(self.done, 3)

    def test_a_close_and_a_failure(self):
        async def close(scope, receive, send):
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
            await send({"type": "websocket.send", "text": "into the void"})

        async def fail(scope, receive, send):
            await send({"type": "websocket.accept"})
            raise ValueError("on purpose")

        self.assertEqual(self.serve(close, opened()), [[wire.CLOSE, 300, 4000, "enough"]])
        self.assertEqual(self.serve(fail, opened()), [[wire.CLOSE, 300, 1011, ""]])
        self.assertIn("on purpose", self.log)

    def test_a_slow_client_holds_up_send(self):
        async def flood(scope, receive, send):
            await send({"type": "websocket.accept"})
            for n in range(3):
                await receive()
                await send({"type": "websocket.send", "text": str(n)})

        out = self.serve(flood, opened(), [wire.BUF, 300, 1], text("a"), text("b"), [wire.PING, 1], [wire.BUF, 300, 0], closed(),
                         react=lambda m: None)
        self.assertEqual(out[0], [wire.PONG, 1])
        self.assertEqual(self.done, 6)


class LifespanTest(Base):
    def test_startup_state_and_shutdown(self):
        log = []

        async def application(scope, receive, send):
            if scope["type"] == "lifespan":
                log.append((await receive())["type"])
                scope["state"]["database"] = "open"
                await send({"type": "lifespan.startup.complete"})
                log.append((await receive())["type"])
                await asyncio.sleep(0)
                await send({"type": "lifespan.shutdown.complete"})
                return
            log.append(scope["state"])
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        self.serve(application, request(), lifespan=True)
        self.assertEqual(log, ["lifespan.startup", {"database": "open"}, "lifespan.shutdown"])

    def test_a_failed_startup_ends_the_worker(self):
        async def application(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        self.serve(application, lifespan=True, drain=False)
        self.assertEqual(self.exit, 1)
        self.assertIn("no database", self.log)
        self.assertNotIn(wire.READY, [m[0] for m in self.written.messages])


if __name__ == "__main__":
    unittest.main()
