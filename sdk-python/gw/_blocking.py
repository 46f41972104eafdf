"""The loop of a worker whose callbacks are all plain functions: one message at a time, blocking reads and writes.

It waits in four places only: for input, for credit of a streamed answer, for the next piece of a request's body, and for the
reply to a question. In the last three it reads on and keeps other messages for later; the gateway's window bounds how many there can be.
"""

from __future__ import annotations

from time import perf_counter

from . import _wire as wire
from ._body import BlockingUpload
from ._codec import pack
from ._connection import Connection, Datagram, decode_text
from ._engine import FLUSH_AFTER, Engine, GatewayError, Stream, report
from ._packing import pack_ack, pack_head
from ._request import Request
from ._response import complete, encode_body, encode_chunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._callbacks import Callback, Callbacks
    from ._response import Response
    from ._transport import Transport
    from ._wire import Message

_EXITS = (SystemExit, KeyboardInterrupt)
_URGENT = frozenset([wire.BODY, wire.CREDIT, wire.ABORT, wire.REPLY, wire.PING])  # not to be kept for later


class BlockingStream(Stream):
    """A streamed answer written by plain code."""

    __slots__ = ()
    engine: BlockingEngine

    def write(self, data: bytes) -> bool:
        """Sends bytes now, waiting for credit as long as it takes. False when nobody waits for them any more."""
        at = 0
        while at < len(data):
            self.engine.look()
            while self.credit <= 0 and not self.aborted:
                self.engine.read_aside()
            if self.aborted:
                return False
            piece = data[at : at + min(self.credit, wire.CHUNK_BYTES)]
            self.engine.say((wire.RES_CHUNK, self.sid, piece))
            self.credit -= len(piece)
            at += len(piece)
        self.engine.flush()  # nobody knows how long the next piece takes
        return not self.aborted


class BlockingEngine(Engine):
    def __init__(self, callbacks: Callbacks, transport: Transport) -> None:
        super().__init__(callbacks, transport)
        self._backlog: list[Message] = []
        self._replies: dict[int, tuple[bool, Any]] = {}
        self._started = 0
        self._timers: list[list[Any]] = []
        self._request = callbacks.request or self.missing
        self._message = callbacks.message
        self._table.update({
            wire.REQ: self._on_request,
            wire.OPEN: self._on_open,
            wire.MSG: self._on_message,
            wire.CLOSED: self._on_closed,
            wire.BUF: self._on_buffer,
            wire.DGRAM: self._on_datagram,
        })

    def run(self) -> None:
        self._backlog = self.greet()
        try:
            if self.callbacks.start:
                self.callbacks.start()
            self.ready()
            now = perf_counter()
            self._timers = [[now + seconds, seconds, function] for seconds, function, _ in self.callbacks.timers]
            while not self.draining:
                self._handle(self._next())
            self._guard("on_stop", self.callbacks.stop)
        except _EXITS:
            self._leave("exit")
            raise
        self._leave("drain")

    def _handle(self, messages: list[Message]) -> None:
        """Handles a batch in order. What is finished does not wait longer than FLUSH_AFTER for slower messages behind it."""
        table = self._table
        flush_at = perf_counter() + FLUSH_AFTER
        for message in messages:
            if table[message[0]](message):
                if self.unsaved:
                    self.save_sessions()
                self._finished += 1
                if perf_counter() >= flush_at:
                    self.flush()
                    flush_at = perf_counter() + FLUSH_AFTER

    def _leave(self, reason: str) -> None:
        self.save_sessions()
        if self._finished:
            self._out.append(pack_ack(self._finished))
            self._finished = 0
        self._out.append(pack((wire.BYE, reason, self._started)))
        self.flush()

    # Input.

    def _next(self) -> list[Message]:
        if not self._backlog:
            self.flush()
            if self._timers:
                self._run_timers()
            if not self._backlog:
                self.unwanted.clear()
                return self._look_ahead(self.receive())
        messages, self._backlog = self._backlog, []
        return messages

    def _look_ahead(self, messages: list[Message]) -> list[Message]:
        """Finds the ABORTs: one behind its request would come too late, when that already waits for credit."""
        abort = wire.ABORT
        for message in messages:
            if message[0] == abort:
                self.unwanted.add(message[1])
        return messages

    def read_aside(self) -> None:
        """Waits for input in the middle of a callback: handles what cannot wait, keeps the rest in order."""
        self.flush()
        for message in self.receive():
            if message[0] in _URGENT:
                self._table[message[0]](message)
            else:
                self._backlog.append(message)

    def look(self) -> None:
        """Reads what is there, without waiting: an ABORT should end a stream before its credit is used up."""
        while self.transport.readable(0):
            self.read_aside()

    def open_upload(self, sid: int) -> BlockingUpload:
        upload = self.uploads[sid] = BlockingUpload(self, sid)
        return upload

    def gone(self, sid: int) -> bool:
        self.look()
        return super().gone(sid)

    def _run_timers(self) -> None:
        """Runs timers until there is input."""
        while True:
            now = perf_counter()
            for timer in self._timers:
                if timer[0] <= now:
                    timer[0] = max(timer[0] + timer[1], now)  # a late timer does not catch up
                    self._guard("timer", timer[2])
            if self.unsaved:
                self.save_sessions()
            self.flush()
            if self._backlog:
                return
            if self.transport.readable(min(timer[0] for timer in self._timers) - perf_counter()):
                return

    def call(self, name: str, arguments: list[Any]) -> Any:
        rid = self.ask(name, arguments)
        while rid not in self._replies:
            self.read_aside()
        ok, value = self._replies.pop(rid)
        if not ok:
            raise GatewayError(value)
        return value

    def _on_reply(self, message: Message) -> None:
        self._replies[message[1]] = (message[2], message[3])

    def _on_abort(self, message: Message) -> None:
        super()._on_abort(message)
        self.unwanted.add(message[1])

    # Work. Each of these messages counts for ACK, which is what True says. They run by the hundred thousand a second: fewer calls
    # are worth a line more.

    def _on_request(self, message: Message) -> bool:
        request = Request(message)
        try:
            if self.unwanted or message[2] & wire.WEBSOCKET:
                result = self._judge(request)
            else:
                result = complete(message[1], self._request(request))
            if result.__class__ is bytes:
                self.put(result)
            elif result is not None:
                result = self.answer(request, result)
                if result is not None:
                    self._stream(request, result)
        except Exception as error:
            self.fail(request, error)
        except _EXITS as error:
            self.fail(request, error)
            self._finished += 1
            raise
        if self.uploads:
            self.uploads.clear()
        return True

    def _judge(self, request: Request) -> Any:
        """The answer to a handshake, or to what nobody waits for any more."""
        if request.id in self.unwanted:
            return complete(request.id, ("", 503))
        if request._message[2] & wire.WEBSOCKET:
            return self.decide(request, self.callbacks.handshake(request) if self.callbacks.handshake else None)
        return complete(request.id, self._request(request))

    def _on_open(self, message: Message) -> bool:
        connection = self._connections[message[1]] = Connection(self, message, *message[9:11])
        return self._work("on_connect", self.callbacks.connect, connection)

    def _on_message(self, message: Message) -> bool:
        connection = self._connections.get(message[1]) or self.connection(message[1])
        data = message[3] if message[2] & wire.BINARY else decode_text(message[3])
        if self._message is not None:
            try:
                self._message(connection, data)
            except Exception as error:
                report(f"on_message of connection {connection.id} failed", error)
            except _EXITS:
                self._started = 1
                raise
        return True

    def _on_datagram(self, message: Message) -> bool:
        connection = Datagram(self, message)
        if self._message is not None:
            try:
                self._message(connection, message[3])
            except Exception as error:
                report(f"on_message of a datagram from {connection.peer} failed", error)
            except _EXITS:
                self._started = 1
                raise
        return True

    def _on_closed(self, message: Message) -> bool:
        connection = self.connection(message[1])
        del self._connections[message[1]]
        return self._work("on_close", self.callbacks.close, connection, message[2], message[3])

    def _on_buffer(self, message: Message) -> bool:
        full = message[2] == 1
        callback = self.callbacks.buffer_full if full else self.callbacks.buffer_drain
        return self._work("on_buffer_full" if full else "on_buffer_drain", callback, self.connection(message[1]))

    def _work(self, name: str, callback: Callback | None, connection: Connection, *arguments: Any) -> bool:
        try:
            self._guard(f"{name} of connection {connection.id}", callback, connection, *arguments)
        except _EXITS:
            self._started = 1
            raise
        return True

    def _guard(self, name: str, callback: Callback | None, *arguments: Any) -> None:
        if callback is not None:
            try:
                callback(*arguments)
            except Exception as error:
                report(f"{name} failed", error)

    # Streamed answers.

    def open_stream(self, sid: int) -> BlockingStream:
        return BlockingStream(self, sid)

    def _stream(self, request: Request, response: Response) -> None:
        chunks: Any = response.chunks
        if not hasattr(chunks, "__iter__"):
            raise TypeError(f"{type(chunks).__name__} in a streamed answer: an async iterable needs an async def callback")
        stream = self.open_stream(request.id)
        chunks = iter(chunks)
        try:
            first, kind = encode_body(b"" if response.prompt else next(chunks, b""))
            stream.start(pack_head(response.status, response.headers, kind))
            if request.method != "HEAD" and stream.write(first):
                for chunk in chunks:
                    if not stream.write(encode_chunk(chunk)):
                        break
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if stream.aborted:
            stream.cut()
        else:
            stream.end()
