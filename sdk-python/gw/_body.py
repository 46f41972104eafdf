"""Request bodies, read piece by piece: from the message, from a file, or from the client as it sends.

An `Upload` is a body that is still on its way. The gateway sends only what it was asked for, so at most `stream_credit` bytes
wait here; what has been read is asked for again.
"""

from __future__ import annotations

from . import _wire as wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import Future
    from collections import deque
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from ._async import AsyncEngine
    from ._blocking import BlockingEngine
    from ._engine import Engine


class ClientGone(ConnectionAbortedError):
    """The client left before its request was complete. Need not be caught: nobody waits for an answer."""


class Upload:
    """What has come of a body, and how much the gateway may still send of it."""

    __slots__ = ("ended", "gone", "_engine", "_sid", "_pieces", "_used", "_asked")

    def __init__(self, engine: Engine, sid: int) -> None:
        self.ended = False
        self.gone = sid in engine.unwanted
        self._engine, self._sid = engine, sid
        from collections import deque  # costs every worker's start, and few need it

        self._pieces: deque[bytes] = deque()
        self._used = 0
        self._asked = False

    def feed(self, piece: bytes, last: bool) -> None:
        if piece:
            self._pieces.append(piece)
        self.ended = self.ended or last
        self.wake()

    def abort(self) -> None:
        self.gone = True
        self.wake()

    @property
    def done(self) -> bool:
        """Whether the last piece was taken."""
        return self.ended and not self._pieces

    def wake(self) -> None:
        """There is a piece, or none comes any more."""

    def _ready(self) -> bool:
        """Whether `_take` has something to return. Begins to ask for the body. Raises ClientGone."""
        if self._pieces or self.ended:
            return True
        if self.gone:
            raise ClientGone("the client left in the middle of its request")
        if not self._asked:
            self._asked = True
            self._ask(self._engine.hello.stream_credit)
        return False

    def _take(self) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        self._used += len(piece)
        if self._used >= self._engine.hello.stream_credit // 4 and not self.ended:
            self._ask(self._used)
            self._used = 0
        return piece

    def _ask(self, size: int) -> None:
        self._engine.say((wire.BODY_CREDIT, self._sid, size))


class BlockingUpload(Upload):
    """For plain code, which waits for the next piece."""

    __slots__ = ()
    _engine: BlockingEngine

    def next(self) -> bytes:
        """The next piece; b"" at the end. Raises ClientGone."""
        while not self._ready():
            self._engine.read_aside()
        return self._take()

    def _ask(self, size: int) -> None:
        super()._ask(size)
        self._engine.flush()  # the callback may be busy with this piece for long


class AsyncUpload(Upload):
    __slots__ = ("_waiter",)
    _engine: AsyncEngine

    def __init__(self, engine: Engine, sid: int) -> None:
        super().__init__(engine, sid)
        self._waiter: Future[None] | None = None

    async def next(self) -> bytes:
        """The next piece; b"" at the end. Raises ClientGone."""
        while not self._ready():
            self._waiter = self._engine.loop.create_future()
            await self._waiter
        return self._take()

    def wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Body:
    """A body for plain code: iterate over its pieces, or read so many bytes of it."""

    __slots__ = ("begun", "_pieces", "_held")

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.begun = False
        self._pieces = pieces
        self._held = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.begun = True
        if self._held:
            piece = bytes(self._held)
            self._held.clear()
            return piece
        return next(self._pieces)

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer only at the end; all that is left when negative."""
        self.begun = True
        while size < 0 or len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held += piece
        return _cut(self._held, size)


class AsyncBody:
    """The same for async code."""

    __slots__ = ("begun", "_pieces", "_held")

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self.begun = False
        self._pieces = pieces
        self._held = bytearray()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        self.begun = True
        if self._held:
            piece = bytes(self._held)
            self._held.clear()
            return piece
        return await self._pieces.__anext__()

    async def read(self, size: int = -1) -> bytes:
        self.begun = True
        while size < 0 or len(self._held) < size:
            try:
                self._held += await self._pieces.__anext__()
            except StopAsyncIteration:
                break
        return _cut(self._held, size)


def _cut(held: bytearray, size: int) -> bytes:
    if size < 0 or size >= len(held):
        data = bytes(held)
        held.clear()
        return data
    data = bytes(held[:size])
    del held[:size]
    return data


def pieces(message: Any, upload: BlockingUpload | None) -> Iterator[bytes]:
    """A body's pieces, wherever it is."""
    if upload is not None:
        yield from iter(upload.next, b"")
    elif message[2] & wire.BODY_IN_FILE:
        with open(message[9], "rb") as file:
            yield from iter(lambda: file.read(wire.CHUNK_BYTES), b"")
    elif message[9]:
        yield message[9]


async def async_pieces(message: Any, upload: AsyncUpload | None) -> AsyncIterator[bytes]:
    if upload is None:
        for piece in pieces(message, None):
            yield piece
        return
    while piece := await upload.next():
        yield piece
