"""`gw.gateway`: everything a handler can ask of gw without a connection at hand."""

from __future__ import annotations

from . import _wire as wire
from ._connection import DONE, check_group, datagram, encode_data
from ._packing import pack_send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ._connection import Connection, Data, Done
    from ._engine import Engine

_IDS_PER_MESSAGE = 2048  # 18 KiB of ids


class Gateway:
    """Push to any connection of this gw, from any callback.

    Connections are named by their id (or the Connection itself). What asks a question (`is_online`, `count`, `list`) returns the
    answer in a plain worker and an awaitable in an async one.
    """

    def __init__(self) -> None:
        self._running: Engine | None = None

    @property
    def _engine(self) -> Engine:
        if self._running is None:
            raise RuntimeError("gw.gateway works in a running worker: use it in a callback")
        return self._running

    def send(self, connection: int | Connection, data: Data, binary: bool | None = None) -> Done:
        flags, body = encode_data(data, binary)
        self._engine.put(pack_send(_id(connection), flags, body))
        return DONE

    def send_many(self, connections: Iterable[int | Connection], data: Data, binary: bool | None = None) -> Done:
        """The same message to several connections; it crosses the pipe once."""
        flags, body = encode_data(data, binary)
        ids = [_id(connection) for connection in connections]
        for at in range(0, len(ids), _IDS_PER_MESSAGE):
            some = ids[at : at + _IDS_PER_MESSAGE]
            self._engine.say((wire.SENDMANY, some, flags, body))
        return DONE

    def close(self, connection: int | Connection, code: int = 1000, reason: str = "") -> Done:
        self._engine.say((wire.CLOSE, _id(connection), int(code), reason))
        return DONE

    def broadcast(
        self,
        data: Data,
        listener: str | int | None = None,
        exclude: Iterable[int | Connection] = (),
        binary: bool | None = None,
    ) -> Done:
        """To every connection, or to those of one listener (by name)."""
        flags, body = encode_data(data, binary)
        ids = [_id(connection) for connection in exclude]
        lid = 0 if listener is None else self._engine.listener_id(listener)
        self._engine.say((wire.BROADCAST, lid, flags, body, ids))
        return DONE

    def publish(self, group: str, data: Data, exclude: Iterable[int | Connection] = (), binary: bool | None = None) -> Done:
        """To every member of a group, except the listed connections."""
        flags, body = encode_data(data, binary)
        ids = [_id(connection) for connection in exclude]
        self._engine.say((wire.PUBLISH, check_group(group), flags, body, ids))
        return DONE

    def send_to_uid(self, uid: str, data: Data, binary: bool | None = None) -> Done:
        """To every connection bound to a user id."""
        flags, body = encode_data(data, binary)
        self._engine.say((wire.SENDUID, str(uid), flags, body))
        return DONE

    def send_datagram(self, peer: str, data: Data, listener: str | int | None = None) -> Done:
        """A datagram to an address such as `192.0.2.7:5000` or `[2001:db8::7]:5000`, from a udp listener: the named one, or the first."""
        engine = self._engine
        lid = engine.first_listener("udp") if listener is None else engine.listener_id(listener)
        engine.say(datagram(lid, str(peer), encode_data(data)[1]))
        return DONE

    def is_online(self, uid: str) -> Any:
        """Whether a connection is bound to that user id."""
        return self._engine.call("is_online", [str(uid)])

    def count(self, group: str | None = None) -> Any:
        """Number of connections, in a group or in all."""
        return self._engine.call("count", [] if group is None else [check_group(group)])

    def list(self, group: str | None = None, limit: int = 1000) -> Any:
        """Up to `limit` connections as lists `[id, uid, peer, kind]`."""
        return self._engine.call("list", ["" if group is None else check_group(group), int(limit)])


def _id(connection: int | Connection) -> int:
    return connection if isinstance(connection, int) else connection.id


gateway = Gateway()
