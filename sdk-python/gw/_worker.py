"""The worker: where callbacks are registered and the process begins to serve."""

from __future__ import annotations

import os
import sys

from ._callbacks import Callbacks
from ._engine import EX_PROTOCOL, GatewayGone, Violation
from ._gateway import gateway

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    from ._engine import Engine
    from ._transport import Transport

    F = TypeVar("F", bound=Callable[..., Any])

EX_USAGE = 64

_USAGE = """\
This program is a handler of gw: it answers requests that gw passes to it, and does not listen by itself.

    start it with:  gw start {program}
    with options:   gw start --listen http://:8080 --workers 4 {program}
"""


class Worker:
    """Answers what gw delivers, by the callbacks registered on it.

    A callback is a plain function or an `async def`, and may take fewer arguments than it is offered. With only plain ones the worker
    handles one message at a time; with an async one it runs an event loop and takes up to `concurrency` messages at once.
    With `stream_bodies` a request with a long body comes as soon as its head is there: read it by `request.stream()`.
    """

    def __init__(self, concurrency: int = 256, stream_bodies: bool = False) -> None:
        if concurrency < 1:
            raise ValueError("concurrency: 1 or more is needed")
        self._stream_bodies = stream_bodies
        self._concurrency = concurrency
        self._callbacks = Callbacks()

    def on_request(self, function: F) -> F:
        """`function(request)` returns the answer: str, bytes, dict, list, Response, None, or (body, status[, headers])."""
        self._callbacks.register("request", function, 1)
        return function

    def on_handshake(self, function: F) -> F:
        """`function(request)` when a client asks for a WebSocket: True, None or `gw.Accept` let it in, False (403), Response or
        (body, status[, headers]) refuse it. Without it all may come in."""
        self._callbacks.register("handshake", function, 1)
        return function

    def on_connect(self, function: F) -> F:
        """`function(connection)` when a client has connected."""
        self._callbacks.register("connect", function, 1)
        return function

    def on_message(self, function: F) -> F:
        """`function(connection, data)` for each message of a connection, in order; text is a str, binary is bytes."""
        self._callbacks.register("message", function, 2)
        return function

    def on_close(self, function: F) -> F:
        """`function(connection, code, reason)` when a connection has ended; the codes are those of RFC 6455 7.4.1."""
        self._callbacks.register("close", function, 3)
        return function

    def on_buffer_full(self, function: F) -> F:
        """`function(connection)` when the client reads too slowly: stop sending to it."""
        self._callbacks.register("buffer_full", function, 1)
        return function

    def on_buffer_drain(self, function: F) -> F:
        """`function(connection)` when such a client has caught up."""
        self._callbacks.register("buffer_drain", function, 1)
        return function

    def on_start(self, function: F) -> F:
        """`function()` before the first work arrives. An exception in it means that this worker cannot start."""
        self._callbacks.register("start", function, 0)
        return function

    def on_stop(self, function: F) -> F:
        """`function()` after the last work, when gw ends this worker in good order."""
        self._callbacks.register("stop", function, 0)
        return function

    def every(self, seconds: float) -> Callable[[F], F]:
        """Calls `function()` every so many seconds, in each worker."""

        def register(function: F) -> F:
            self._callbacks.add_timer(seconds, function)
            return function

        return register

    def run(self) -> None:
        """Serves until gw ends this worker, then returns.

        Exits with 64 when the program was not started by gw, with 70 when the two do not understand each other.
        """
        if "GW_IPC" not in os.environ:
            sys.stderr.write(_USAGE.format(program=os.path.basename(sys.argv[0]) or "app.py"))
            sys.exit(EX_USAGE)
        from ._transport import Pipes

        _dump_stacks_on_signal()
        self._serve(Pipes(int(os.environ.get("GW_FD_IN", 3)), int(os.environ.get("GW_FD_OUT", 4))))

    def _serve(self, transport: Transport) -> None:
        engine = gateway._running = self._engine(transport)
        engine.stream_bodies = engine.stream_bodies or self._streams()
        try:
            engine.run()
        except GatewayGone:
            pass
        except Violation as error:
            sys.stderr.write(f"gw: protocol violation: {error}\n")
            sys.exit(EX_PROTOCOL)
        except KeyboardInterrupt:
            sys.exit(128 + 2)  # as a shell reports it; nobody needs the traceback
        finally:
            gateway._running = None

    def _streams(self) -> bool:
        # A plain on_request in an event loop could not wait for a body without holding up everybody else.
        return self._stream_bodies and (not self._callbacks.any_async or "request" in self._callbacks.asynchronous)

    def _engine(self, transport: Transport) -> Engine:
        if self._callbacks.any_async:
            from ._async import AsyncEngine

            return AsyncEngine(self._callbacks, transport, self._concurrency)
        from ._blocking import BlockingEngine

        return BlockingEngine(self._callbacks, transport)


def _dump_stacks_on_signal() -> None:
    """gw asks a worker that hangs for its stacks before it kills it."""
    import faulthandler
    import signal

    try:
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR2, all_threads=True)
    except (ValueError, RuntimeError, OSError, AttributeError):  # stderr is no file
        pass
