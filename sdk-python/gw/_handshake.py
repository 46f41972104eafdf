"""What on_handshake may return, and the message it becomes."""

from __future__ import annotations

from . import _wire as wire
from ._codec import pack
from ._connection import check_group
from ._packing import pack_accept, pack_headers
from ._response import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._packing import HeaderFields


class Accept:
    """Lets a WebSocket in, with what its connection has from the beginning.

    `subprotocol` is one that the client offers, "" for none; None lets gw choose by its configuration. `headers` go into the answer.
    """

    __slots__ = ("subprotocol", "headers", "session", "uid", "groups")

    def __init__(
        self,
        subprotocol: str | None = None,
        headers: HeaderFields | None = None,
        session: Mapping[str, Any] | None = None,
        uid: str = "",
        groups: Iterable[str] = (),
    ) -> None:
        self.subprotocol = subprotocol
        self.headers = headers
        self.session = dict(session or {})
        self.uid = str(uid)
        self.groups = [check_group(group) for group in groups]

    def message(self, sid: int) -> bytes:
        """The message ACCEPT. Raises TypeError or ValueError for what the gateway would not take."""
        packed = pack(self.session) if self.session else b""
        if len(packed) > wire.SESSION_BYTES:
            raise ValueError(f"session of {len(packed)} bytes, {wire.SESSION_BYTES} are allowed")
        return pack_accept(sid, self.subprotocol, pack_headers(self.headers), packed, self.uid, self.groups)


def judge(sid: int, answer: Any) -> bytes | Any:
    """The message ACCEPT for what on_handshake returned; or the answer that refuses. Raises TypeError."""
    if answer is None or answer is True:
        return pack_accept(sid, None, pack_headers(None))
    if isinstance(answer, Accept):
        return answer.message(sid)
    if answer is False:
        return Response(403, None, "Forbidden\n")
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, tuple):
        return Response.of(answer)
    raise TypeError(
        f"on_handshake returned {type(answer).__name__}: True, None or gw.Accept let the client in, False, gw.Response or (body, status) refuse it"
    )
