"""Handlers for gw, the process manager and socket gateway.

    import gw

    app = gw.Worker()

    @app.on_request
    def index(request):
        return "Hello Client"

    app.run()
"""

from ._body import ClientGone
from ._connection import Connection, Session
from ._engine import GatewayError
from ._event import Event
from ._gateway import gateway
from ._handshake import Accept
from ._mapping import Headers, MultiMap
from ._request import BadRequest, Request
from ._response import Response
from ._version import VERSION as __version__
from ._worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._form import Upload

__all__ = [
    "Accept",
    "BadRequest",
    "ClientGone",
    "Connection",
    "Event",
    "GatewayError",
    "Headers",
    "MultiMap",
    "Request",
    "Response",
    "Session",
    "Upload",
    "Worker",
    "gateway",
]


def __getattr__(name: str) -> object:
    if name == "Upload":  # brings `re` along, which few handlers need
        from ._form import Upload

        return Upload
    raise AttributeError(f"module 'gw' has no attribute {name!r}")
