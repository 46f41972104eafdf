"""The callbacks of a worker, each made to take exactly the arguments it is called with."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Callback = Callable[..., Any]

_VARIADIC, _COROUTINE = 0x04, 0x80  # flags of a code object, see the module inspect (its import costs 10 ms)


class Callbacks:
    """What is registered, by name. `asynchronous` holds the names of those written with `async def`."""

    __slots__ = ("request", "handshake", "connect", "message", "close", "start", "stop", "buffer_full", "buffer_drain", "timers", "asynchronous")

    def __init__(self) -> None:
        self.request: Callback | None = None
        self.handshake: Callback | None = None
        self.connect: Callback | None = None
        self.message: Callback | None = None
        self.close: Callback | None = None
        self.start: Callback | None = None
        self.stop: Callback | None = None
        self.buffer_full: Callback | None = None
        self.buffer_drain: Callback | None = None
        self.timers: list[tuple[float, Callback, bool]] = []
        self.asynchronous: set[str] = set()

    def register(self, name: str, function: Callback, arguments: int) -> None:
        setattr(self, name, adapt(function, arguments))
        self.asynchronous.discard(name)
        if is_async(function):
            self.asynchronous.add(name)

    def add_timer(self, seconds: float, function: Callback) -> None:
        if not seconds > 0:
            raise ValueError(f"every({seconds}): a time above 0 is needed")
        self.timers.append((float(seconds), adapt(function, 0), is_async(function)))

    @property
    def any_async(self) -> bool:
        return bool(self.asynchronous) or any(timer[2] for timer in self.timers)

    def events(self) -> list[str]:
        """What READY asks gw to deliver."""
        events = [name for name in ("request", "handshake", "connect", "message", "close") if getattr(self, name)]
        if self.buffer_full or self.buffer_drain:
            events.append("buffer")
        if self.message:
            events.append("datagram")
        return events


def adapt(function: Callback, arguments: int) -> Callback:
    """The function itself, or one that leaves out the last arguments when it takes fewer. Decided once, not per call."""
    takes = _positional(function, arguments)
    if takes == arguments:
        return function
    if takes == 0:
        return lambda *_: function()
    if takes == 1:
        return lambda first, *_: function(first)
    return lambda *given: function(*given[:takes])


def is_async(function: Callback) -> bool:
    """Whether calling it gives a coroutine."""
    code = getattr(function, "__code__", None)
    if code is not None:
        return bool(code.co_flags & _COROUTINE)
    from inspect import isclass, iscoroutinefunction

    return iscoroutinefunction(function) or not isclass(function) and iscoroutinefunction(getattr(function, "__call__", None))


def _positional(function: Callback, most: int) -> int:
    code = getattr(function, "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        bound = 1 if getattr(function, "__self__", None) is not None else 0
        return most if code.co_flags & _VARIADIC else min(most, code.co_argcount - bound)
    from inspect import Parameter, signature

    try:
        kinds = [parameter.kind for parameter in signature(function).parameters.values()]
    except ValueError:  # some functions written in C do not tell
        return most
    if Parameter.VAR_POSITIONAL in kinds:
        return most
    return min(most, sum(kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds))
