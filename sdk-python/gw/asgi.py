"""Runs an ASGI 3 application, HTTP, WebSocket and lifespan: FastAPI, Starlette, Django, Quart, ...

    import gw.asgi
    gw.asgi.serve(application)

or, without a line of code, `command: [python3, -m, gw, "module:application"]` in gw.yaml.

A WebSocket is accepted when the application says so, with its subprotocol and headers, or refused: `websocket.close` before that is
a 403, and `websocket.http.response` (the extension) any other answer.
When gw moves a connection to another worker (reload), the application here gets `websocket.disconnect` with 1012, and there
a new `websocket.connect`; the client notices neither.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from . import _wire as wire
from ._async import AsyncEngine
from ._body import ClientGone
from ._callbacks import Callbacks
from ._connection import decode_text
from ._engine import report
from ._mapping import parse_headers
from ._packing import pack_accept, pack_answer, pack_head, pack_headers, pack_send
from ._request import Request
from ._response import encode_chunk
from ._worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from typing import Any, Callable

    from ._async import AsyncStream
    from ._body import AsyncUpload
    from ._engine import Engine
    from ._transport import Transport
    from ._wire import Message

    Event = dict[str, Any]
    Receive = Callable[[], Awaitable[Event]]
    Send = Callable[[Event], Awaitable[None]]
    Application = Callable[[Event, Receive, Send], Awaitable[None]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_MOVED, _REFUSED, _FAILED, _NORMAL, _LOST = 1012, 1008, 1011, 1000, 1006  # close codes of RFC 6455 7.4.1
_CACHED_BLOCKS, _CACHED_BYTES = 256, 4096
_GONE = pack_head(503, None)  # of an answer that nobody waits for


def serve(application: Application, concurrency: int = 256) -> None:
    """Serves the application until gw ends this worker."""
    worker(application, concurrency).run()


def worker(application: Application, concurrency: int = 256) -> Worker:
    """A worker that answers by the application."""
    return _AsgiWorker(application, concurrency)


class _AsgiWorker(Worker):
    def __init__(self, application: Application, concurrency: int) -> None:
        super().__init__(max(2, concurrency))
        self._application = application

    def _engine(self, transport: Transport) -> Engine:
        return AsgiEngine(self._application, transport, self._concurrency)


class AsgiEngine(AsyncEngine):
    """Requests and connections as ASGI scopes, each run by a task of its own."""

    stream_bodies = True  # it costs nothing: short ones come with their request, and a slow client holds up no other

    def __init__(self, application: Application, transport: Transport, concurrency: int) -> None:
        super().__init__(Callbacks(), transport, concurrency)
        self.application = application
        self.state: dict[str, Any] = {}
        self.sockets: dict[int, _Socket] = {}
        self._lifespan = _Lifespan(self)
        self._bases: dict[tuple[str, int, int, bytes], Event] = {}
        self._servers: dict[int, tuple[str, int | None]] = {}
        self.callbacks.start = self._lifespan.startup
        self._table.update({
            wire.OPEN: self._on_open,
            wire.ATTACH: self._on_attach,
            wire.MSG: self._on_message,
            wire.CLOSED: self._on_closed,
            wire.DETACH: self._on_detach,
            wire.BUF: self._on_buffer,
        })

    def events(self) -> list[str]:
        return ["request", "handshake", "connect", "message", "close", "buffer"]

    def scope(self, kind: str, flags: int, lid: int, peer: str, path: bytes, query: bytes, block: bytes) -> Event:
        """What http and websocket scopes have in common; all that can be changed in it belongs to the application."""
        base = self._bases.get((kind, flags, lid, block)) or self._base(kind, flags, lid, block)
        scope = base.copy()
        scope["path"] = (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", "replace")
        scope["raw_path"] = path
        scope["query_string"] = query
        scope["headers"] = base["headers"].copy()
        scope["client"] = _address(peer)
        scope["state"] = self.state.copy()
        return scope

    def _base(self, kind: str, flags: int, lid: int, block: bytes) -> Event:
        """What follows from headers and listener alone; kept, since clients repeat their headers."""
        secure = flags & wire.TLS
        base = {
            "type": kind,
            "asgi": _ASGI,
            "http_version": "2" if flags & wire.HTTP_2 else "1.0" if flags & wire.HTTP_1_0 else "1.1",
            "scheme": ("https" if secure else "http") if kind == "http" else "wss" if secure else "ws",
            "root_path": "",
            "headers": [line.partition(b": ")[::2] for line in block.split(b"\n") if line],
            "server": self._server(lid),
        }
        if len(block) <= _CACHED_BYTES:
            if len(self._bases) >= _CACHED_BLOCKS:
                self._bases.clear()
            self._bases[kind, flags, lid, block] = base
        return base

    def _server(self, lid: int) -> tuple[str, int | None]:
        server = self._servers.get(lid)
        if server is None:
            addresses = (address for number, _, _, address, *_ in self.hello.listeners if number == lid)
            address = next(addresses, "localhost")
            server = self._servers[lid] = _address(address) or (address, None)
        return server

    def _begin_request(self, message: Message) -> Coroutine[Any, Any, None] | None:
        if message[2] & wire.WEBSOCKET:
            _, sid, flags, lid, peer, _, path, query, block, *_ = message
            socket = self._introduce(sid, lid, peer, path, query, block, flags, message)
            socket.deliver(None, {"type": "websocket.connect"})
            return None
        return _Exchange(self, message).run()

    # Connections. What is done is told as soon as the application has taken it.

    def _on_open(self, message: Message) -> None:
        self._pending += 1
        if message[1] in self.sockets:  # the application here has accepted it
            self._finish(message)
            return
        socket = self._introduce(*message[1:4], *message[5:8], message[8] if len(message) > 8 else 0)
        socket.deliver(message, {"type": "websocket.connect"})

    def _on_attach(self, message: Message) -> None:
        socket = self._introduce(*message[1:4], *message[5:8], message[10] if len(message) > 10 else 0)
        socket.deliver(None, {"type": "websocket.connect"})

    def _introduce(
        self, cid: int, lid: int, peer: str, path: bytes, query: bytes, block: bytes, flags: int, handshake: Message | None = None
    ) -> _Socket:
        scope = self.scope("websocket", flags, lid, peer, path, query, block)
        if handshake is not None:
            scope["extensions"] = {"websocket.http.response": {}}
        offered = parse_headers(block).get("sec-websocket-protocol", "")
        scope["subprotocols"] = [name.strip() for name in offered.split(",") if name.strip()]
        socket = self.sockets[cid] = _Socket(self, cid, scope, handshake)
        socket.task = self._spawn(socket.run())
        return socket

    def _socket(self, cid: int) -> _Socket:
        socket = self.sockets.get(cid)
        if socket is None:
            self.connection(cid)  # raises Violation
        return socket  # type: ignore[return-value]

    def _on_message(self, message: Message) -> None:
        self._pending += 1
        binary = message[2] & wire.BINARY
        data = message[3] if binary else decode_text(message[3])
        self._socket(message[1]).deliver(message, {"type": "websocket.receive", "bytes" if binary else "text": data})

    def _on_closed(self, message: Message) -> None:
        self._pending += 1
        self._socket(message[1]).disconnect(message, message[2], message[3])
        del self.sockets[message[1]]

    def _on_detach(self, message: Message) -> None:
        socket = self.sockets.pop(message[1], None)
        if socket is not None:
            socket.disconnect(None, _MOVED, "")

    def _on_buffer(self, message: Message) -> None:
        self._pending += 1
        self._socket(message[1]).throttle(message[2] == 1)
        self._finish(message)

    async def _stop(self) -> None:
        """The connections live on in another worker; their applications here come to an end."""
        sockets = list(self.sockets.values())
        for socket in sockets:
            socket.disconnect(None, _MOVED, "")
        await asyncio.gather(*(socket.task for socket in sockets), return_exceptions=True)
        await self._lifespan.shutdown()


class _Exchange:
    """One http scope: `receive` and `send` for the application, and how its events become messages."""

    __slots__ = ("_engine", "_message", "_sid", "_head", "_stream", "_asked", "_upload", "_over", "_aborted", "_gone")

    def __init__(self, engine: AsgiEngine, message: Message) -> None:
        self._engine, self._message = engine, message
        self._sid: int = message[1]
        self._head = b""  # of the answer: status and headers
        self._stream: AsyncStream | None = None
        self._asked = False  # the body was handed out
        self._upload: AsyncUpload | None = None  # it comes piece by piece
        self._over = False  # the answer is complete
        self._aborted = False  # nobody waits for it
        self._gone: asyncio.Event | None = None  # set when nothing but http.disconnect can follow

    async def run(self) -> None:
        engine, sid = self._engine, self._sid
        engine.aborts[sid] = self._abort
        self._aborted = sid in engine.unwanted
        try:
            await engine.application(self._scope(), self.receive, self.send)
            if not self._over and not self._aborted:
                raise RuntimeError("the application ended before its answer was complete")
        except (Exception, asyncio.CancelledError) as error:
            self._fail(error)
        except (SystemExit, KeyboardInterrupt) as error:
            self._fail(error)
            engine._end(error)
        del engine.aborts[sid]
        if not self._over and self._aborted:
            self._cut()
        engine._finish(self._message)

    def _scope(self) -> Event:
        _, _, flags, lid, peer, method, path, query, block, *_ = self._message
        scope = self._engine.scope("http", flags, lid, peer, path, query, block)
        scope["method"] = method
        scope["extensions"] = {"http.response.pathsend": {}}
        return scope

    def _fail(self, error: BaseException) -> None:
        request = Request(self._message)
        if not self._over and not self._aborted:
            self._engine.fail(request, error)
            self._over = True
        elif isinstance(error, Exception):
            report(f"request {self._sid} {request.method} {request.target} failed after its answer", error)

    async def receive(self) -> Event:
        if not self._asked:
            self._asked = True
            if not self._message[2] & wire.BODY_FOLLOWS:
                body = Request(self._message).body if self._message[2] & wire.BODY_IN_FILE else self._message[9]
                return {"type": "http.request", "body": body, "more_body": False}
            self._upload = self._engine.open_upload(self._sid)
        if self._upload is not None and not self._over:
            return await self._next_piece(self._upload)
        if not self._over and not self._aborted:
            if self._gone is None:
                self._gone = asyncio.Event()
            await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _next_piece(self, upload: AsyncUpload) -> Event:
        try:
            piece = await upload.next()
        except ClientGone:
            return {"type": "http.disconnect"}
        if upload.done:
            self._upload = None
        return {"type": "http.request", "body": piece, "more_body": self._upload is not None}

    async def send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "http.response.body":
            if not self._head:
                raise RuntimeError("http.response.body before http.response.start")
            if self._over or self._aborted:
                return
            body = event.get("body", b"")
            if body.__class__ is not bytes:
                body = encode_chunk(body)
            more = event.get("more_body", False)
            if more or self._stream is not None or len(body) > wire.BODY_BYTES:
                await self._write(body, more)
            else:
                self._engine.put(pack_answer(self._sid, self._head, body))
                self._over = True
                if self._gone is not None:
                    self._gone.set()
        elif kind == "http.response.pathsend":
            await self._send_path(event["path"])
        elif kind == "http.response.start":
            if self._head:
                raise RuntimeError("http.response.start twice")
            self._head = pack_head(event["status"], event.get("headers"))
        else:
            raise RuntimeError(f"event {kind!r} is not expected here")

    async def _send_path(self, path: str) -> None:
        """The extension "Path Send": the gateway sends the file where it may, else we do."""
        if not self._head:
            raise RuntimeError("http.response.pathsend before http.response.start")
        if self._over or self._aborted:
            return
        if self._stream is None and self._engine.send_file(self._sid, self._head, path):
            self._end()
            return
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(wire.CHUNK_BYTES), b""):
                await self._write(piece, True)
                if self._aborted:
                    return
        await self._write(b"", False)

    async def _write(self, body: bytes, more: bool) -> None:
        stream = self._stream
        if stream is None:
            stream = self._stream = self._engine.open_stream(self._sid)
            stream.start(self._head)
        if self._message[5] == "HEAD" or await stream.write(body):
            if not more:
                stream.end()
                self._end()

    def _abort(self, code: int) -> None:
        self._aborted = True
        self._wake()

    def _cut(self) -> None:
        """Closes the books on an answer that nobody waits for."""
        if self._stream is None:
            self._engine.put(pack_answer(self._sid, _GONE, b""))
        else:
            self._stream.cut()

    def _end(self) -> None:
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._gone is not None:
            self._gone.set()


class _Socket:
    """One websocket scope. Events wait here until the application takes them; the gateway's window bounds how many."""

    __slots__ = ("task", "events", "_engine", "_cid", "_scope", "_accepted", "_closed", "_parted", "_waiter", "_clear", "_handshake", "_refusal")

    task: asyncio.Task[None]

    def __init__(self, engine: AsgiEngine, cid: int, scope: Event, handshake: Message | None) -> None:
        self.events: deque[tuple[Message | None, Event]] = deque()
        self._engine, self._cid, self._scope = engine, cid, scope
        self._handshake = handshake  # the REQ, until it is answered
        self._refusal: tuple[bytes, bytes] | None = None  # head, and body so far
        if handshake is not None:
            engine.aborts[cid] = self._abort
        self._accepted = False
        self._closed = False  # by the application, or it was told of the end
        self._parted = False  # closed by the client, or another worker's: no longer ours to close
        self._waiter: asyncio.Future[None] | None = None
        self._clear = asyncio.Event()  # not set while the client reads too slowly
        self._clear.set()

    async def run(self) -> None:
        code = _NORMAL
        try:
            await self._engine.application(self._scope, self.receive, self.send)
        except Exception as error:
            report(f"websocket {self._cid} {self._scope['path']} failed", error)
            code = _FAILED
        except (SystemExit, KeyboardInterrupt) as error:
            self._refuse(pack_head(500, None), b"")
            self._engine._end(error)
            return
        if self._handshake is not None:
            self._refuse(pack_head(500 if code == _FAILED else 403, None), b"")
        self._close(code if self._accepted else _REFUSED, "")
        while self.events:
            self._take()

    def deliver(self, message: Message | None, event: Event) -> None:
        if self.task.done():
            if message is not None:
                self._engine._finish(message)  # the application has ended, and the connection is about to
            return
        self.events.append((message, event))
        _resolve(self._waiter)

    def disconnect(self, message: Message | None, code: int, reason: str) -> None:
        self._parted = True
        self._clear.set()
        self.deliver(message, {"type": "websocket.disconnect", "code": code, "reason": reason})

    def throttle(self, full: bool) -> None:
        if not full:
            self._clear.set()
        elif not self._parted:
            self._clear.clear()

    async def receive(self) -> Event:
        while not self.events:
            if self._closed:
                return {"type": "websocket.disconnect", "code": 1005, "reason": ""}
            self._waiter = self._engine.loop.create_future()
            await self._waiter
        return self._take()

    def _take(self) -> Event:
        message, event = self.events.popleft()
        if message is not None:
            self._engine._finish(message)
        if event["type"] == "websocket.disconnect":
            self._closed = True
        return event

    async def send(self, event: Event) -> None:
        kind = event["type"]
        if kind == "websocket.send":
            if not self._accepted:
                raise RuntimeError("websocket.send before websocket.accept")
            if not self._clear.is_set():
                await self._clear.wait()
            if self._closed:
                return
            text = event.get("text")
            flags, body = (0, text.encode()) if text is not None else (wire.BINARY, encode_chunk(event["bytes"]))
            self._engine.put(pack_send(self._cid, flags, body))
        elif kind == "websocket.accept":
            self._accept(event)
        elif kind == "websocket.http.response.start" and self._handshake is not None:
            self._refusal = pack_head(event["status"], event.get("headers")), b""
        elif kind == "websocket.http.response.body" and self._refusal is not None:
            head, body = self._refusal
            self._refusal = head, body + encode_chunk(event.get("body", b""))
            if not event.get("more_body", False):
                self._refuse(*self._refusal)
        elif kind == "websocket.close" and self._handshake is not None:
            self._refuse(pack_head(403, None), b"")
        elif kind == "websocket.close":
            self._close(event.get("code", _NORMAL) if self._accepted else _REFUSED, event.get("reason") or "")
        else:
            raise RuntimeError(f"event {kind!r} is not expected here")

    def _accept(self, event: Event) -> None:
        self._accepted = True
        if self._handshake is not None:
            headers = pack_headers(event.get("headers"))
            self._engine.put(pack_accept(self._cid, event.get("subprotocol") or "", headers))
            self._decided()

    def _refuse(self, head: bytes, body: bytes) -> None:
        """Answers the handshake by a response; nothing follows it but the end."""
        if self._handshake is not None:
            self._engine.put(pack_answer(self._cid, head, body))
            self._leave()

    def _leave(self) -> None:
        """The end of a handshake that led to nothing."""
        self._decided()
        self._engine.sockets.pop(self._cid, None)
        self._closed = True
        self.disconnect(None, _LOST, "")

    def _abort(self, code: int) -> None:
        """The client has left, or the answer took too long."""
        self._engine.put(pack_answer(self._cid, _GONE, b""))  # to nobody: it closes the books
        self._leave()

    def _decided(self) -> None:
        message, self._handshake = self._handshake, None
        self._engine.aborts.pop(self._cid, None)
        if message is not None:
            self._engine._finish(message)

    def _close(self, code: int, reason: str) -> None:
        closed, self._closed = self._closed or self._parted, True
        if not closed:
            self._engine.say((wire.CLOSE, self._cid, code, reason))


class _Lifespan:
    """The lifespan scope. An application that does not know it simply runs without."""

    def __init__(self, engine: AsgiEngine) -> None:
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Event]
        self._answer: asyncio.Future[str | None]

    async def startup(self) -> None:
        self._events = asyncio.Queue()
        self._task = self._engine.loop.create_task(self._run())
        error = await self._ask("lifespan.startup")
        if error is not None:
            sys.stderr.write(f"gw: the application could not start: {error}\n")
            sys.exit(1)

    async def shutdown(self) -> None:
        if self._task is not None and not self._task.done():
            error = await self._ask("lifespan.shutdown")
            if error is not None:
                sys.stderr.write(f"gw: the application could not stop: {error}\n")

    async def _ask(self, kind: str) -> str | None:
        self._answer = self._engine.loop.create_future()
        self._events.put_nowait({"type": kind})
        return await self._answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _ASGI, "state": self._engine.state}
        try:
            await self._engine.application(scope, self._events.get, self._send)
        except Exception:
            pass  # not supported: the specification asks servers to go on
        self._resolve(None)

    async def _send(self, event: Event) -> None:
        kind = event["type"]
        self._resolve(event.get("message", "") if kind.endswith(".failed") else None)

    def _resolve(self, error: str | None) -> None:
        if not self._answer.done():
            self._answer.set_result(error)


def _resolve(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


@lru_cache(maxsize=1024)
def _address(text: str) -> tuple[str, int] | None:
    """Host and port of `host:port`; None for a unix socket."""
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() else None
