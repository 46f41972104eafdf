"""What both loops share: the relation with the gateway, its connections, streams and questions.

An engine owns what is waiting to be written. It does not know how a callback is run: that is the difference between
`_blocking` and `_async`.

Invariants: a message is acknowledged in the frame that holds its answer, behind it; never before it is finished.
Nothing a callback does, short of sys.exit, ends the worker.
"""

from __future__ import annotations

import os
import sys

from . import _wire as wire
from ._body import ClientGone
from ._codec import pack
from ._connection import Connection, Session
from ._handshake import judge
from ._packing import pack_ack, pack_answer, pack_file, pack_head, pack_start
from ._request import BadRequest, Request
from ._response import HTML, TEXT, complete
from ._sendfile import SendFolders
from ._version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._body import Upload
    from ._callbacks import Callbacks
    from ._transport import Transport
    from ._wire import Message

FLUSH_AFTER = 0.0005  # seconds; a finished answer does not wait longer for its batch
EX_PROTOCOL = 70


class GatewayGone(BaseException):
    """The pipe ended. Not an Exception: a callback must not be able to swallow it."""


class Violation(BaseException):
    """A ProtocolError on its way out through a callback."""


class GatewayError(Exception):
    """gw answered a question (`count`, `list`, `is_online`) with an error."""


class Hello:
    """What the gateway says of itself and of our place in it."""

    __slots__ = ("worker", "slot", "pool", "listeners", "max_frame", "max_message", "stream_credit", "debug", "sendfile")

    def __init__(self, said: dict[str, Any]) -> None:
        self.worker: int = said.get("worker", 0)
        self.slot: int = said.get("slot", 0)
        self.pool: str = said.get("pool", "")
        self.listeners: list[list[Any]] = said.get("listeners", [])
        self.max_frame: int = min(said.get("max_frame", 1 << 20), wire.FRAME_LIMIT)
        self.max_message: int = said.get("max_message", self.max_frame)
        self.stream_credit: int = said.get("stream_credit", wire.BODY_BYTES)
        self.debug: bool = said.get("debug", False)
        self.sendfile = SendFolders(said.get("sendfile", ()), said.get("uid"))


class Stream:
    """A streamed answer: what the client may still be sent, and whether somebody waits for it."""

    __slots__ = ("engine", "sid", "credit", "aborted", "state")

    NEW, STARTED, ENDED = range(3)

    def __init__(self, engine: Engine, sid: int) -> None:
        self.engine, self.sid = engine, sid
        self.credit = engine.hello.stream_credit
        self.aborted = sid in engine.unwanted
        self.state = self.NEW
        engine.streams[sid] = self

    def start(self, head: bytes) -> None:
        self.engine.put(pack_start(self.sid, head))
        self.state = self.STARTED

    def end(self) -> None:
        self._end(b"")

    def cut(self) -> None:
        """Ends the answer so that the client notices that something is missing."""
        self._end(None)

    def wake(self) -> None:
        """There is credit again, or nobody waits any more."""

    def _end(self, last: bytes | None) -> None:
        self.engine.say((wire.RES_END, self.sid, last))
        self.state = self.ENDED
        self.engine.streams.pop(self.sid, None)


class Engine:
    concurrency = 1
    stream_bodies = False  # whether READY asks for long bodies piece by piece

    def __init__(self, callbacks: Callbacks, transport: Transport) -> None:
        self.callbacks = callbacks
        self.transport = transport
        self.hello = Hello({})
        self.draining = False
        self.streams: dict[int, Stream] = {}
        self.uploads: dict[int, Upload] = {}  # bodies that a callback reads as they come
        self.unwanted: set[int] = set()  # requests that nobody waits for any more, before an answer is streamed
        self.unsaved: list[Session] = []
        self._decoder = wire.FrameDecoder()
        self._connections: dict[int, Connection] = {}
        self._rid = 0
        self._out: list[bytes] = []  # messages, packed
        self._size = 0  # of them, in bytes
        self._finished = 0
        self._table: dict[int, Callable[[Message], Any]] = {
            wire.HELLO: self._on_hello,
            wire.PING: self._on_ping,
            wire.DRAIN: self._on_drain,
            wire.REPLY: self._on_reply,
            wire.BODY: self._on_body,
            wire.CREDIT: self._on_credit,
            wire.ABORT: self._on_abort,
            wire.ATTACH: self._on_attach,
            wire.DETACH: self._on_detach,
        }

    def run(self) -> None:
        """Serves until the gateway drains this worker. Raises GatewayGone, Violation, or what a callback exits with."""
        raise NotImplementedError

    # What waits to be written.

    def say(self, message: Message) -> None:
        """Queues a message for the gateway. Raises ValueError when it fits no frame."""
        self.put(pack(message))

    def put(self, packed: bytes) -> None:
        """Queues a message that is packed already."""
        size = self._size + len(packed)
        if size > wire.FRAME_BYTES or len(self._out) >= wire.FRAME_MESSAGES - 1:
            self._make_room(len(packed))
            size = len(packed)
        self._size = size
        self._out.append(packed)

    def _make_room(self, size: int) -> None:
        if size > self.hello.max_frame - 256:
            raise ValueError(f"message of {size} bytes, the gateway takes {self.hello.max_frame} (max_frame)")
        self.flush()

    def flush(self) -> None:
        """Writes what waits, with the acknowledgement of what is finished behind it."""
        if self._finished:
            self._out.append(pack_ack(self._finished))
            self._finished = 0
        if self._out:
            out = self._out
            self._out, self._size = [], 0
            self.write(out)

    def write(self, messages: list[bytes]) -> None:
        try:
            self.transport.write(wire.frame(messages))
        except BrokenPipeError:
            raise GatewayGone from None

    # What comes in.

    def receive(self) -> list[Message]:
        """Waits for input; the messages of the frames it completes. Raises GatewayGone or Violation."""
        data = self.transport.read()
        if not data:
            raise GatewayGone
        try:
            return self._decoder.feed(data)
        except wire.ProtocolError as error:
            raise Violation(error) from error

    def greet(self) -> list[Message]:
        """Reads HELLO; returns what came behind it."""
        messages: list[Message] = []
        while not messages:
            messages = self.receive()
        if messages[0][0] != wire.HELLO:
            raise Violation(f"message {messages[0][0]:#04x} before HELLO")
        self._on_hello(messages[0])
        return messages[1:]

    def events(self) -> list[str]:
        """What READY asks the gateway to deliver."""
        return self.callbacks.events()

    def ready(self) -> None:
        said = {
            "pid": os.getpid(),
            "language": "python",
            "language_version": "%d.%d.%d" % sys.version_info[:3],
            "sdk": VERSION,
            "concurrency": self.concurrency,
            "events": self.events(),
        }
        if self.stream_bodies:
            said["stream_body"] = True
        self.say((wire.READY, wire.VERSION, said))
        self.flush()

    def _on_hello(self, message: Message) -> None:
        _, low, high, said, *_ = message
        if not low <= wire.VERSION <= high:
            raise Violation(f"the gateway speaks gw-ipc {low} to {high}, this SDK {wire.VERSION}")
        if type(said) is not dict:
            raise Violation("HELLO without a map")
        self.hello = Hello(said)
        self._decoder.max_frame = self.hello.max_frame

    def _on_ping(self, message: Message) -> None:
        self.say((wire.PONG, message[1]))

    def _on_drain(self, message: Message) -> None:
        self.draining = True

    def _on_reply(self, message: Message) -> None:
        raise NotImplementedError

    def _on_credit(self, message: Message) -> None:
        stream = self.streams.get(message[1])
        if stream is not None:
            stream.credit += message[2]
            stream.wake()

    def _on_body(self, message: Message) -> None:
        upload = self.uploads.get(message[1])
        if upload is not None:  # else its request is answered already
            upload.feed(message[2], message[3] == 1)

    def _on_abort(self, message: Message) -> None:
        upload = self.uploads.get(message[1])
        if upload is not None:
            upload.abort()
        stream = self.streams.get(message[1])
        if stream is not None:
            stream.aborted = True
            stream.wake()

    def _on_attach(self, message: Message) -> None:
        self._connections[message[1]] = Connection(self, message, *message[8:10])

    def _on_detach(self, message: Message) -> None:
        self._connections.pop(message[1], None)

    def connection(self, cid: int) -> Connection:
        try:
            return self._connections[cid]
        except KeyError:
            raise Violation(f"message for connection {cid}, which was never introduced") from None

    # For requests.

    def open_upload(self, sid: int) -> Any:
        """The body of that request, which has not come yet."""
        raise NotImplementedError

    def gone(self, sid: int) -> bool:
        """Whether the client of that request has left."""
        return sid in self.unwanted or sid in self.streams and self.streams[sid].aborted

    # For connections and gw.gateway.

    def listener_name(self, lid: int) -> str:
        for number, name, *_ in self.hello.listeners:
            if number == lid:
                return str(name)
        return str(lid)

    def listener_id(self, listener: str | int) -> int:
        for number, name, *_ in self.hello.listeners:
            if listener in (name, number):
                return int(number)
        raise ValueError(f"no listener {listener!r}, there are: {', '.join(str(known[1]) for known in self.hello.listeners)}")

    def first_listener(self, scheme: str) -> int:
        for number, _, known, *_ in self.hello.listeners:
            if known == scheme:
                return int(number)
        raise RuntimeError(f"there is no {scheme} listener")

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Asks the gateway. The answer, or an awaitable for it."""
        raise NotImplementedError

    def ask(self, name: str, arguments: list[Any]) -> int:
        self._rid += 1
        self.say((wire.CALL, self._rid, name, arguments))
        return self._rid

    # Answers.

    def answer(self, request: Request, answer: Any) -> Any:
        """Queues a complete answer; returns the Response when it has to be streamed."""
        result: Any = complete(request.id, answer)
        if result.__class__ is bytes:
            self.put(result)
            return None
        if result is not None and result.path is not None and self.send_file(request.id, pack_head(result.status, result.headers), result.path):
            result.chunks.close()
            return None
        return result

    def decide(self, request: Request, answer: Any) -> Any:
        """Queues the answer to a handshake; returns the Response when its refusal has to be streamed."""
        result = judge(request.id, answer)
        if result.__class__ is bytes:
            self.put(result)
            return None
        return self.answer(request, result)

    def send_file(self, sid: int, head: bytes, path: Any) -> bool:
        """Lets the gateway answer with a file. False: it cannot, or not this one."""
        known = self.hello.sendfile.find(path)
        if known is None:
            return False
        self.put(pack_file(sid, head, known))
        return True

    def missing(self, request: Request) -> Any:
        """Stands in where no on_request is registered."""
        return "Not Found: this handler has no on_request.\n", 404

    def fail(self, request: Request, error: BaseException) -> None:
        """The answer to a request whose callback raised, as far as one is still possible."""
        stream = self.streams.get(request.id)
        malformed = isinstance(error, BadRequest)
        if isinstance(error, Exception) and not malformed and not isinstance(error, ClientGone):
            report(f"request {request.id} {request.method} {request.target} failed", error)
        if stream is not None and stream.state == Stream.STARTED:
            stream.cut()
            return
        self.streams.pop(request.id, None)
        status, text = (400, f"Bad Request: {error}\n") if malformed else (500, "Internal Server Error\n")
        kind = TEXT
        if self.hello.debug and not malformed:
            from ._errorpage import render

            kind, text = HTML, render(request, error)
        self.put(pack_answer(request.id, pack_head(status, None, kind), text.encode("utf-8", "replace")))

    def save_sessions(self) -> None:
        """Sends the sessions that a callback changed; one that cannot be kept is reported."""
        unsaved, self.unsaved = self.unsaved, []
        for session in unsaved:
            try:
                self.say(session.message())
            except (TypeError, ValueError) as error:
                report("session not saved", error)


def report(what: str, error: BaseException) -> None:
    """One record on stderr: what failed, and the traceback. One write, so that lines of two workers do not mix."""
    from traceback import format_exception

    sys.stderr.write(f"gw: {what}\n" + "".join(format_exception(type(error), error, error.__traceback__)))
    sys.stderr.flush()
