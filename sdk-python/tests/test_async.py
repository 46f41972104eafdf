"""What only a worker with async callbacks does."""

import asyncio
import contextlib
import contextvars
import io
import sys
import unittest
from unittest import mock

import harness
from harness import closed, opened, request, serve, text
import gw
from gw import _wire as wire


class AsyncTest(unittest.TestCase):
    def serve(self, app, *messages, **options):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            self.written, self.exit = serve(app, *messages, **options)
        self.log = log.getvalue()
        return [m for m in self.written.messages if m[0] not in (wire.READY, wire.ACK, wire.DONE, wire.BYE)]

    def test_announces_its_concurrency(self):
        app = gw.Worker(concurrency=33)
        app.on_request(asyncio.sleep)
        self.serve(app)
        self.assertEqual(self.written.messages[0][2]["concurrency"], 33)

    def test_requests_run_at_once(self):
        app = gw.Worker()
        arrived = []

        @app.on_request
        async def meet(request):
            arrived.append(asyncio.get_running_loop().create_future())
            if len(arrived) == 3:
                for future in arrived:
                    future.set_result(None)
            await arrived[request.id]
            return str(request.id)

        out = self.serve(app, *(request(sid) for sid in range(3)))
        self.assertEqual(sorted(m[1] for m in out), [0, 1, 2])

    def test_each_callback_is_a_task_with_a_context_of_its_own_from_its_first_line(self):
        app = gw.Worker()
        mark, tasks = contextvars.ContextVar("mark", default="none"), []

        @app.on_request
        async def look(request):
            task, before = asyncio.current_task(), mark.get()
            mark.set(request.path)
            if request.path == "/waits":
                await asyncio.sleep(0)
                async with contextlib.AsyncExitStack():
                    await asyncio.wait_for(asyncio.sleep(0), 10)
            tasks.append(task)
            return f"{before} {mark.get()} {task is asyncio.current_task() is not None}"

        out = self.serve(app, *(request(sid, path) for sid, path in enumerate(["/waits", "/now", "/waits", "/now"])))
        self.assertEqual({m[1]: m[4] for m in out}, {sid: b"none /%b True" % path for sid, path in enumerate([b"waits", b"now"] * 2)})
        self.assertEqual(len(set(map(id, tasks))), 4)

    def test_what_never_waits_is_answered_in_the_turn_it_came(self):
        app = gw.Worker()

        @app.on_request
        async def now(request):
            return "now"

        with mock.patch("gw._async.FLUSH_AFTER", 3600):  # however slow the machine is
            self.serve(app, *(request(sid) for sid in range(5)))
        answers = [frame for frame in self.written.frames if frame[0][0] == wire.RES]
        self.assertEqual([len(frame) for frame in answers], [5])

    def test_a_callback_may_cancel_itself_before_it_waits(self):
        app = gw.Worker()

        @app.on_request
        async def cancel(request):
            asyncio.current_task().cancel()
            await asyncio.sleep(3600)

        out = self.serve(app, request(1), request(2))
        self.assertEqual([(m[1], m[2]) for m in out], [(1, 500), (2, 500)])

    def test_messages_of_a_connection_run_one_at_a_time_in_order(self):
        app = gw.Worker()
        running, log = set(), []

        async def work(connection, what):
            self.assertNotIn(connection.id, running)
            running.add(connection.id)
            for _ in range(len(log) % 5):
                await asyncio.sleep(0)
            log.append((connection.id, what))
            running.discard(connection.id)

        app.on_connect(lambda c: log.append((c.id, "open")))
        app.on_message(work)

        @app.on_close
        async def close(connection):
            await work(connection, "close")

        messages = [opened(cid) for cid in (1, 2, 3)] + [text(str(n), cid) for n in range(20) for cid in (1, 2, 3)] + [closed(cid) for cid in (1, 2, 3)]
        self.serve(app, *messages)
        self.assertEqual(self.log, "")
        for cid in (1, 2, 3):
            self.assertEqual([what for id, what in log if id == cid], ["open", *map(str, range(20)), "close"])
        done = {cid: sum(m[2] for m in self.written.messages if m[:2] == [wire.DONE, cid]) for cid in (1, 2, 3)}
        self.assertEqual(done, {1: 22, 2: 22, 3: 22})

    def test_a_waiting_connection_does_not_hold_up_others(self):
        app = gw.Worker()
        release = []

        @app.on_message
        async def hear(connection, data):
            if data == "wait":
                release.append(asyncio.get_running_loop().create_future())
                await release[0]
            elif data == "go":
                release[0].set_result(None)
            await connection.send(data)

        out = self.serve(app, opened(1), opened(2), text("wait", 1), text("later", 1), text("go", 2))
        self.assertEqual([m[3] for m in out], [b"go", b"wait", b"later"])

    def test_with_concurrency_1_everything_takes_turns(self):
        app = gw.Worker(concurrency=1)
        log = []

        @app.on_request
        async def slow(request):
            log.append(("begin", request.id))
            await asyncio.sleep(0)
            log.append(("end", request.id))
            return ""

        self.serve(app, request(1), request(2))
        self.assertEqual(log, [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)])

    def test_questions_are_awaited(self):
        app = gw.Worker()

        @app.on_request
        async def index(request):
            with self.assertRaises(gw.GatewayError):
                await gw.gateway.is_online("u1")
            return [await gw.gateway.count(), await gw.gateway.list("room")]

        def react(message):
            if message[0] == wire.CALL:
                return [[wire.REPLY, message[1], message[2] != "is_online", message[3]]]

        (out,) = [m for m in self.serve(app, request(), react=react) if m[0] == wire.RES]
        self.assertEqual(out[4], b'[[],["room",1000]]')

    def test_questions_in_on_start(self):
        app = gw.Worker()
        found = []

        @app.on_start
        async def start():
            found.append(await gw.gateway.count())

        self.serve(app, react=lambda m: [[wire.REPLY, m[1], True, 5]] if m[0] == wire.CALL else None)
        self.assertEqual(found, [5])

    def test_an_async_generator_streams_and_is_closed_by_an_abort(self):
        app = gw.Worker()
        ended = []

        async def pieces():
            try:
                while True:
                    yield "tick"
                    await asyncio.sleep(0)
            finally:
                ended.append(True)

        @app.on_request
        async def index(request):
            return gw.Response.stream(pieces())

        def react(message):
            return [[wire.ABORT, 1, 1]] if message[0] == wire.RES_CHUNK and not ended else None

        out = self.serve(app, request(1), react=react)
        self.assertEqual((ended, out[-1], self.log), ([True], [wire.RES_END, 1, None], ""))

    def test_an_abort_before_the_stream_begins_is_not_missed(self):
        app = gw.Worker()
        gone = []

        async def pieces():
            while True:
                yield "x" * 1000

        @app.on_request
        async def index(request):
            gw.gateway.send(300, "begun")
            while not gone:
                await asyncio.sleep(0)
            return gw.Response.stream(pieces())

        def react(message):
            if message[0] == wire.SEND:
                return [[wire.ABORT, 1, 1], [wire.PING, 9]]
            if message[0] == wire.PONG:
                gone.append(True)

        out = self.serve(app, request(1), react=react, stream_credit=5000)
        self.assertEqual([m[0] for m in out if m[1] == 1], [wire.RES])

    def test_an_abort_cancels_a_stream_that_waits_for_something_else(self):
        app = gw.Worker()
        ended = []

        async def pieces():
            try:
                yield "first"
                await asyncio.get_running_loop().create_future()
            finally:
                ended.append(True)

        @app.on_request
        async def index(request):
            return gw.Response.events(pieces())

        out = self.serve(app, request(1), react=lambda m: [[wire.ABORT, 1, 1]] if m[0] == wire.RES_CHUNK else None)
        self.assertEqual((ended, out[-1]), ([True], [wire.RES_END, 1, None]))

    def test_drain_waits_for_what_is_under_way(self):
        app = gw.Worker()
        log = []

        @app.on_request
        async def index(request):
            for _ in range(20):
                await asyncio.sleep(0)
            log.append("answered")
            return ""

        app.on_stop(lambda: log.append("stop"))
        self.serve(app, request())
        self.assertEqual(log, ["answered", "stop"])

    def test_exit_leaves_the_rest_begun(self):
        app = gw.Worker()

        @app.on_request
        async def index(request):
            await asyncio.sleep(0)
            if request.id == 1:
                sys.exit(4)
            await asyncio.get_running_loop().create_future()

        out = self.serve(app, request(1), request(2), drain=False)
        self.assertEqual(self.exit, 4)
        self.assertEqual([m[:3] for m in out][:1], [[wire.RES, 1, 500]])
        self.assertEqual([m for m in self.written.messages if m[0] == wire.BYE], [[wire.BYE, "exit", 1]])
        self.assertEqual(self.written.messages[-1][0], wire.BYE)


if __name__ == "__main__":
    unittest.main()
