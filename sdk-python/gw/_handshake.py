"""What on_handshake may return, and the message it becomes."""

from __future__ import annotations

from . import _wire as wire
from ._codec import pack
from ._connection import check_group
from ._response import Response, check_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ._response import HeaderFields
    from ._wire import Message


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

    def message(self, sid: int) -> tuple[Message, int]:
        """The message ACCEPT and about its bytes. Raises TypeError or ValueError for what the gateway would not take."""
        fields, size = check_headers(self.headers, None)
        packed = pack(self.session) if self.session else b""
        if len(packed) > wire.SESSION_BYTES:
            raise ValueError(f"session of {len(packed)} bytes, {wire.SESSION_BYTES} are allowed")
        message = (wire.ACCEPT, sid, self.subprotocol, fields, packed, self.uid, self.groups)
        return message, size + len(packed) + len(self.uid) + 144 * len(self.groups) + 160


def judge(sid: int, answer: Any) -> tuple[Message, int] | Any:
    """The message ACCEPT with its bytes for what on_handshake returned; or the answer that refuses. Raises TypeError."""
    if answer is None or answer is True:
        return (wire.ACCEPT, sid, None, []), 32
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
