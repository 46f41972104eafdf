"""The loop of a worker with an `async def` callback: asyncio (uvloop when it is there) around the same two pipes.

`add_reader` and one write per tick of the loop: asyncio's own pipe streams cost ten times as much for a lone message.

Messages of one connection run one at a time and in order: while a callback of it is under way, a list in `_lanes` takes the next
ones; an idle connection has no list. With concurrency 1 everything shares one lane.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

from . import _wire as wire
from ._body import AsyncUpload
from ._codec import pack
from ._connection import Connection, Datagram, decode_text
from ._engine import FLUSH_AFTER, Engine, GatewayError, GatewayGone, Stream, Violation, report
from ._packing import pack_done, pack_head
from ._request import AsyncRequest, Request
from ._response import encode_body, encode_chunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from contextvars import Context
    from typing import Any, Callable

    from ._callbacks import Callback, Callbacks
    from ._response import Response
    from ._transport import Transport
    from ._wire import Message

_EXITS = (SystemExit, KeyboardInterrupt)
_EAGER = sys.version_info >= (3, 12)  # tasks can begin at once, see _spawn


class AsyncStream(Stream):
    """A streamed answer written by async code."""

    __slots__ = ("_waiter",)
    engine: AsyncEngine

    def __init__(self, engine: Engine, sid: int) -> None:
        super().__init__(engine, sid)
        self._waiter: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> bool:
        """Sends bytes as far as there is credit. False when nobody waits for them any more."""
        at = 0
        while at < len(data):
            while self.credit <= 0 and not self.aborted:
                self._waiter = self.engine.loop.create_future()
                await self._waiter
            if self.aborted:
                return False
            piece = data[at : at + min(self.credit, wire.CHUNK_BYTES)]
            self.engine.say((wire.RES_CHUNK, self.sid, piece))
            self.credit -= len(piece)
            at += len(piece)
        return not self.aborted

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class AsyncEngine(Engine):
    def __init__(self, callbacks: Callbacks, transport: Transport, concurrency: int) -> None:
        super().__init__(callbacks, transport)
        self.concurrency = concurrency
        self.loop: asyncio.AbstractEventLoop = None  # type: ignore[assignment]  # made in run
        self.aborts: dict[int, Callable[[int], object]] = {}  # who wants to know that nobody waits for an answer any more
        self._over: asyncio.Future[None] = None  # type: ignore[assignment]
        self._lanes: dict[int, list[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._done: dict[int, int] = {}
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._pending = 0  # delivered and not finished
        self._asked: dict[int, asyncio.Task[None] | None] = {}  # the requests among them; the loop itself holds tasks weakly
        self._serving = False  # messages come by _readable, outside of any task
        self._step: tuple[Callable[[], object], Context] | None = None
        self._scheduled = False
        self._flush_at = 0.0  # when what is finished first has waited long enough
        self._left = False  # BYE is written: the last message, whatever else is cancelled now
        self._request = callbacks.request or self.missing
        self._request_type = AsyncRequest if "request" in callbacks.asynchronous else Request
        self._asynchronous = callbacks.asynchronous
        # What begins each kind of work: runs a plain callback, or returns the coroutine of an async one.
        self._begin: dict[int, Callable[[Message], Coroutine[Any, Any, None] | None]] = {
            wire.REQ: self._begin_request,
            wire.OPEN: self._begin_open,
            wire.MSG: self._begin_message,
            wire.CLOSED: self._begin_closed,
            wire.BUF: self._begin_buffer,
            wire.DGRAM: self._begin_datagram,
        }
        self._table.update({op: self._on_connection_work for op in self._begin})
        if concurrency > 1:
            self._table[wire.REQ] = self._on_request
            self._table[wire.DGRAM] = self._on_datagram

    def run(self) -> None:
        try:
            from uvloop import new_event_loop  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            from asyncio import new_event_loop
        self.loop = loop = new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve())
        finally:
            self._close()

    def _close(self) -> None:
        """What asyncio.run does at the end: nothing is left half done without having been told."""
        rest = asyncio.all_tasks(self.loop)
        for task in rest:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        self.loop.close()

    async def _serve(self) -> None:
        self._over = self.loop.create_future()
        backlog = self.greet()
        self.transport.watch(self.loop, self._readable)
        try:
            if self.callbacks.start:
                await _settle(self.callbacks.start())
            self.ready()
            for timer in self.callbacks.timers:
                self._spawn(self._run_timer(*timer))
            self._dispatch(backlog)
            self._serving = True
            await self._over
            await self._stop()
        except _EXITS:
            self._leave("exit")
            raise
        finally:
            self.transport.watch(self.loop, None)
        self._leave("drain")

    async def _stop(self) -> None:
        for task in self._tasks:  # only timers are left
            task.cancel()
        try:
            if self.callbacks.stop:
                await _settle(self.callbacks.stop())
        except Exception as error:
            report("on_stop failed", error)

    def _leave(self, reason: str) -> None:
        self.save_sessions()
        self._acknowledge()
        self._out.append(pack((wire.BYE, reason, self._pending)))
        self.flush()
        self._left = True

    def _end(self, error: BaseException) -> None:
        """Ends `run` with this error, from wherever it was noticed."""
        if not self._over.done():
            self._over.set_exception(error)

    # Input.

    def _readable(self) -> None:
        try:
            messages = self.receive()
            if self._scheduled:
                self._dispatch(messages)
                return
            # A turn of the loop costs 2 µs: what is finished at once is written at once.
            self._scheduled = True
            self._flush_at = perf_counter() + FLUSH_AFTER
            self._dispatch(messages)
            self._flush_tick()
        except (GatewayGone, Violation) as error:
            self.transport.watch(self.loop, None)
            for future in self._calls.values():
                future.cancel()
            self._end(error)

    def _dispatch(self, messages: list[Message]) -> None:
        table = self._table
        for message in messages:
            table[message[0]](message)

    def _on_drain(self, message: Message) -> None:
        super()._on_drain(message)
        self._check_drained()

    def _check_drained(self) -> None:
        if self.draining and not self._pending and not self._over.done():
            self._over.set_result(None)

    def _on_abort(self, message: Message) -> None:
        super()._on_abort(message)
        if message[1] in self._asked:
            self.unwanted.add(message[1])
        abort = self.aborts.get(message[1])
        if abort is not None:
            abort(message[2])

    def _on_reply(self, message: Message) -> None:
        future = self._calls.pop(message[1], None)
        if future is not None and not future.done():
            if message[2]:
                future.set_result(message[3])
            else:
                future.set_exception(GatewayError(message[3]))

    def call(self, name: str, arguments: list[Any]) -> Any:
        future = self._calls[self.ask(name, arguments)] = self.loop.create_future()
        return future

    # Output.

    def put(self, packed: bytes) -> None:
        size = self._size + len(packed)
        if size > wire.FRAME_BYTES or len(self._out) + len(self._done) >= wire.FRAME_MESSAGES - 1:
            self._make_room(len(packed))
            size = len(packed)
        self._size = size
        self._out.append(packed)
        if not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._flush_at = perf_counter() + FLUSH_AFTER
        self.loop.call_soon(self._flush_tick)

    def _flush_tick(self) -> None:
        self._scheduled = False
        try:
            self.flush()
        except GatewayGone as error:
            self._end(error)

    def flush(self) -> None:
        self._acknowledge()
        super().flush()

    def write(self, messages: list[bytes]) -> None:
        if not self._left:
            super().write(messages)

    def _acknowledge(self) -> None:
        """Puts what is finished behind the answers."""
        if self._done:
            self._out += [pack_done(cid, count) for cid, count in self._done.items()]
            self._done.clear()

    def _finish(self, message: Message) -> None:
        """A work message is done."""
        if self.unsaved:
            self.save_sessions()
        if self.concurrency == 1:
            self._finished += 1
        elif message[0] == wire.DGRAM:
            self._done[message[5]] = 1
        elif message[0] != wire.REQ:
            self._done[message[1]] = self._done.get(message[1], 0) + 1
        if message[0] == wire.REQ:
            self._asked.pop(message[1], None)
            self.unwanted.discard(message[1])
            if self.uploads:
                self.uploads.pop(message[1], None)
        self._pending -= 1
        if not self._scheduled:
            self._schedule()
        elif len(self._out) + len(self._done) >= wire.FRAME_MESSAGES - 1 or perf_counter() >= self._flush_at:
            self.flush()
            self._flush_at = perf_counter() + FLUSH_AFTER
        if self.draining:
            self._check_drained()

    # Work.

    def _on_request(self, message: Message) -> None:
        self._pending += 1
        self._asked[message[1]] = None
        coroutine = self._begin_request(message)
        if coroutine is not None:
            task = self._begin_task(coroutine)
            if message[1] in self._asked:  # it has not ended already
                self._asked[message[1]] = task

    def _on_datagram(self, message: Message) -> None:
        self._pending += 1
        coroutine = self._begin_datagram(message)
        if coroutine is not None:
            self._spawn(coroutine)

    def _on_connection_work(self, message: Message) -> None:
        self._pending += 1
        if message[0] == wire.REQ:
            self._asked[message[1]] = None
        elif message[0] == wire.OPEN:
            self._connections[message[1]] = Connection(self, message, *message[9:11])
        lane = 0 if self.concurrency == 1 else message[1]
        waiting = self._lanes.get(lane)
        if waiting is not None:
            waiting.append(message)
            return
        coroutine = self._begin[message[0]](message)
        if coroutine is not None:
            self._lanes[lane] = waiting = []
            self._spawn(self._run_lane(lane, waiting, coroutine))

    async def _run_lane(self, lane: int, waiting: list[Message], coroutine: Coroutine[Any, Any, None] | None) -> None:
        """One message of the lane after the other, until none waits."""
        while True:
            if coroutine is not None:
                await coroutine
            if not waiting:
                break
            message = waiting.pop(0)
            coroutine = self._begin[message[0]](message)
        del self._lanes[lane]

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._begin_task(coroutine)
        if not task.done():
            self._tasks.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._tasks.discard)
        return task

    def _begin_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that has made its first step already, up to where it waits: most callbacks never do.

        From Python 3.12 on asyncio offers that. Before, the step which a new task asks the loop to make soon is made at once
        instead: the same task, context and current_task(), one turn of the loop earlier. Only outside of any other task.
        """
        if _EAGER:
            return asyncio.Task(coroutine, loop=self.loop, eager_start=True)  # type: ignore[call-arg,unused-ignore]
        loop: Any = self.loop
        if not self._serving:
            return asyncio.Task(coroutine, loop=loop)
        loop.call_soon = self._take_step
        try:
            task = asyncio.Task(coroutine, loop=loop)
        finally:
            del loop.call_soon
        (step, context), self._step = self._step, None  # type: ignore[misc]
        context.run(step)
        return task

    def _take_step(self, step: Callable[[], object], context: Context) -> None:
        self._step = step, context

    def _begin_open(self, message: Message) -> Coroutine[Any, Any, None] | None:
        return self._run("connect", message, self.callbacks.connect, self.connection(message[1]))

    def _begin_message(self, message: Message) -> Coroutine[Any, Any, None] | None:
        data = message[3] if message[2] & wire.BINARY else decode_text(message[3])
        return self._run("message", message, self.callbacks.message, self.connection(message[1]), data)

    def _begin_datagram(self, message: Message) -> Coroutine[Any, Any, None] | None:
        return self._run("message", message, self.callbacks.message, Datagram(self, message), message[3])

    def _begin_closed(self, message: Message) -> Coroutine[Any, Any, None] | None:
        connection = self.connection(message[1])
        del self._connections[message[1]]
        return self._run("close", message, self.callbacks.close, connection, message[2], message[3])

    def _begin_buffer(self, message: Message) -> Coroutine[Any, Any, None] | None:
        name = "buffer_full" if message[2] == 1 else "buffer_drain"
        return self._run(name, message, getattr(self.callbacks, name), self.connection(message[1]))

    def _run(self, name: str, message: Message, callback: Callback | None, *arguments: Any) -> Coroutine[Any, Any, None] | None:
        if callback is not None:
            if name in self._asynchronous:
                return self._await(name, message, callback(*arguments))
            try:
                callback(*arguments)
            except Exception as error:
                report(f"on_{name} of {_whose(message)} failed", error)
            except _EXITS as error:
                self._end(error)
                return None
        self._finish(message)
        return None

    async def _await(self, name: str, message: Message, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            await coroutine
        except Exception as error:
            report(f"on_{name} of {_whose(message)} failed", error)
        except _EXITS as error:
            self._end(error)
            return
        self._finish(message)

    # Requests.

    def _begin_request(self, message: Message) -> Coroutine[Any, Any, None] | None:
        request = self._request_type(message)
        name, callback, answer = "request", self._request, self.answer
        if message[2] & wire.WEBSOCKET:
            name, callback, answer = "handshake", self.callbacks.handshake or _let_in, self.decide
        if name in self._asynchronous:
            return self._await_request(request, message, callback(request), answer)
        try:
            response = answer(request, callback(request))
        except Exception as error:
            self.fail(request, error)
        except _EXITS as error:
            self.fail(request, error)
            self._finish(message)
            self._end(error)
            return None
        else:
            if response is not None:
                return self._await_request(request, message, _value(response), self.answer)
        self._finish(message)
        return None

    async def _await_request(
        self, request: Request, message: Message, coroutine: Coroutine[Any, Any, Any], answer: Callable[[Request, Any], Any]
    ) -> None:
        try:
            response = answer(request, await coroutine)
            if response is not None:
                await self._stream(request, response)
        except (Exception, asyncio.CancelledError) as error:
            self.fail(request, error)
        except _EXITS as error:
            self.fail(request, error)
            self._end(error)
        self._finish(message)

    def open_upload(self, sid: int) -> AsyncUpload:
        upload = self.uploads[sid] = AsyncUpload(self, sid)
        return upload

    def open_stream(self, sid: int) -> AsyncStream:
        return AsyncStream(self, sid)

    async def _stream(self, request: Request, response: Response) -> None:
        if request.id in self.unwanted:
            self.answer(request, ("", 503))
            return
        stream = self.open_stream(request.id)
        task: Any = asyncio.current_task()
        self.aborts[request.id] = lambda code: task.cancel()
        chunks = _pieces(response.chunks)
        try:
            first, kind = encode_body(b"" if response.prompt else await _first(chunks))
            stream.start(pack_head(response.status, response.headers, kind))
            if request.method != "HEAD" and await stream.write(first):
                async for chunk in chunks:
                    if not await stream.write(encode_chunk(chunk)):
                        break
        finally:
            self.aborts.pop(request.id, None)
            await chunks.aclose()  # type: ignore[attr-defined]
        if stream.aborted:
            stream.cut()
        else:
            stream.end()

    async def _run_timer(self, seconds: float, callback: Callback, asynchronous: bool) -> None:
        due = self.loop.time() + seconds
        while True:
            await asyncio.sleep(due - self.loop.time())
            try:
                result = callback()
                if asynchronous:
                    await result
            except Exception as error:
                report("timer failed", error)
            except _EXITS as error:
                self._end(error)
                return
            if self.unsaved:
                self.save_sessions()
            due = max(due + seconds, self.loop.time())  # a late timer does not catch up


def _whose(message: Message) -> str:
    return f"a datagram from {message[2]}" if message[0] == wire.DGRAM else f"connection {message[1]}"


async def _settle(result: Any) -> None:
    """Waits for what a callback returned, if that is something to wait for."""
    if hasattr(result, "__await__"):
        await result


def _let_in(request: Request) -> None:
    """Stands in where no on_handshake is registered."""


async def _value(value: Any) -> Any:
    return value


async def _first(chunks: AsyncIterator[Any]) -> Any:
    async for chunk in chunks:
        return chunk
    return b""


async def _pieces(chunks: Any) -> AsyncIterator[Any]:
    """The chunks of any iterable; closing this closes it."""
    try:
        if hasattr(chunks, "__aiter__"):
            async for chunk in chunks:
                yield chunk
        else:
            for chunk in chunks:
                yield chunk
                await asyncio.sleep(0)  # a long plain iterable must not hold up everybody else
    finally:
        if hasattr(chunks, "aclose"):
            await chunks.aclose()
        elif hasattr(chunks, "close"):
            chunks.close()
