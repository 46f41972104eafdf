"""The two pipes of a handler. The engines know only the four methods, so tests put a script in their place."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from typing import Any, Callable, Protocol

    class Transport(Protocol):
        def read(self) -> bytes:
            """Waits for bytes; b"" when the gateway is gone."""

        def readable(self, seconds: float | None) -> bool:
            """Waits until `read` would not wait, at most so long (None: as long as it takes)."""

        def write(self, data: bytes) -> None:
            """Writes everything. Raises BrokenPipeError when the gateway is gone."""

        def watch(self, loop: AbstractEventLoop, callback: Callable[[], None] | None) -> None:
            """Calls back from the loop whenever `read` would not wait; None ends it."""


_READ_BYTES = 64 * 1024  # what a pipe holds


class Pipes:
    """Blocking reads and writes: the cheapest there is (prototypes: 1.0 µs for both; with epoll 1.4, asyncio streams 50).

    A blocking write cannot deadlock, because the gateway never waits for us to read before it reads.
    """

    __slots__ = ("_in", "_out", "_poll")

    def __init__(self, fd_in: int, fd_out: int) -> None:
        for fd in (fd_in, fd_out):
            os.set_inheritable(fd, False)  # a subprocess must not hold the pipes open after our end
            os.set_blocking(fd, True)
        self._in, self._out = fd_in, fd_out
        self._poll: Any = None

    def read(self) -> bytes:
        return os.read(self._in, _READ_BYTES)

    def readable(self, seconds: float | None) -> bool:
        if self._poll is None:
            import select

            self._poll = select.poll()
            self._poll.register(self._in, select.POLLIN)
        return bool(self._poll.poll(None if seconds is None else max(0, seconds * 1000)))

    def write(self, data: bytes) -> None:
        written = os.write(self._out, data)
        if written < len(data):
            rest = memoryview(data)
            while written < len(data):
                written += os.write(self._out, rest[written:])

    def watch(self, loop: AbstractEventLoop, callback: Callable[[], None] | None) -> None:
        if callback is None:
            loop.remove_reader(self._in)
        else:
            loop.add_reader(self._in, callback)
