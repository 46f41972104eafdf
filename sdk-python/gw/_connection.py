"""A client's connection as the callbacks see it, and the session that gw keeps for it."""

from __future__ import annotations

from sys import intern

from . import _wire as wire
from ._codec import pack, unpack
from ._event import Event
from ._mapping import Headers, MultiMap, parse_headers
from ._packing import pack_send
from ._request import decode_path, parse_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Any, Union

    from ._engine import Engine
    from ._wire import Message

    Data = Union[str, bytes, bytearray, memoryview, Event]


class Done:
    """What `send` and its kin return: the work is done, `await` on it is allowed and costs next to nothing.

    So the same call reads well in `def` and in `async def` callbacks.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return _NOTHING  # type: ignore[return-value]  # an exhausted iterator is all that await needs

    def __repr__(self) -> str:
        return "<done>"


_NOTHING: Iterator[Any] = iter(())
DONE = Done()


class Connection:
    __slots__ = ("id", "uid", "_engine", "_lid", "_peer", "_kind", "_path", "_query", "_headers", "_flags", "_session", "_packed")

    def __init__(self, engine: Engine, message: Message, packed: bytes = b"", uid: str = "") -> None:
        _, self.id, self._lid, self._peer, kind, self._path, self._query, self._headers, *_ = message
        self._flags: int = flags_of(message)
        self._kind = intern(kind)  # one text for all connections, not 58 bytes in each
        self.uid: str = uid
        self._engine = engine
        self._session: Session | None = None
        self._packed = packed

    def __repr__(self) -> str:
        return f"<Connection {self.id} {self._kind} {self._peer}>"

    @property
    def listener(self) -> str:
        """Name of the listener the client came in by."""
        return self._engine.listener_name(self._lid)

    @property
    def kind(self) -> str:
        """`websocket`, `text`, `frame`, `tcp`, `udp` or `events`."""
        return self._kind

    @property
    def peer(self) -> str:
        """Address of the client, `host:port`."""
        return self._peer  # type: ignore[no-any-return]

    @property
    def secure(self) -> bool:
        """Whether the client speaks TLS."""
        return bool(self._flags & wire.TLS)

    @property
    def path(self) -> str:
        """Path of the request it began with, percent-decoded; empty for kinds without HTTP."""
        return decode_path(self._path)

    @property
    def query(self) -> MultiMap:
        """Fields of the query string of that request."""
        return parse_query(self._query)

    @property
    def headers(self) -> Headers:
        """Headers of that request; for kinds without HTTP only those of the client's certificate."""
        return parse_headers(self._headers)

    @property
    def session(self) -> Session:
        """A small map that gw keeps as long as the connection lives. It goes with the connection to another worker."""
        if self._session is None:
            self._session = Session(unpack(self._packed) if self._packed else {}, self)
            self._packed = b""
        return self._session

    def send(self, data: Data, binary: bool | None = None) -> Done:
        """Sends one message: text as text, bytes as binary, unless `binary` says otherwise. Messages keep their order."""
        if data.__class__ is str and not binary:
            try:
                self._engine.put(pack_send(self.id, 0, data.encode()))
                return DONE
            except UnicodeEncodeError:
                pass
        flags, body = encode_data(data, binary)
        self._engine.put(pack_send(self.id, flags, body))
        return DONE

    def close(self, code: int = 1000, reason: str = "") -> Done:
        """Closes the connection when everything sent has reached the client. The codes are those of RFC 6455 7.4.1."""
        self._engine.say((wire.CLOSE, self.id, int(code), reason))
        return DONE

    def join(self, group: str) -> Done:
        """Adds the connection to a group; `gw.gateway.publish` reaches all of its members."""
        self._engine.say((wire.JOIN, self.id, check_group(group)))
        return DONE

    def leave(self, group: str) -> Done:
        self._engine.say((wire.LEAVE, self.id, check_group(group)))
        return DONE

    def bind(self, uid: str) -> Done:
        """Binds the connection to a user id for `gw.gateway.send_to_uid`; an empty one unbinds."""
        self.uid = str(uid)
        self._engine.say((wire.BIND, self.id, self.uid))
        return DONE


def flags_of(message: Message) -> int:
    """The flags of OPEN or ATTACH; a message of an older gateway has none."""
    at = 8 if message[0] == wire.OPEN else 10
    return message[at] if len(message) > at else 0


class Datagram(Connection):
    """The connection of a datagram: it lives for one callback, and `send` answers the sender."""

    __slots__ = ("_local",)

    def __init__(self, engine: Engine, message: Message) -> None:
        _, lid, peer, _, self._local, *_ = message
        super().__init__(engine, (wire.OPEN, 0, lid, peer, "udp", b"", b"", b""))

    def send(self, data: Data, binary: bool | None = None) -> Done:
        """Sends a datagram to the sender of this one."""
        self._engine.say(datagram(self._lid, self._peer, encode_data(data)[1], self._local))
        return DONE

    def close(self, code: int = 1000, reason: str = "") -> Done:
        """Nothing: there is no connection to close."""
        return DONE

    @property
    def session(self) -> Session:
        raise self._nothing_lasts("session")

    def join(self, group: str) -> Done:
        raise self._nothing_lasts("join")

    def leave(self, group: str) -> Done:
        raise self._nothing_lasts("leave")

    def bind(self, uid: str) -> Done:
        raise self._nothing_lasts("bind")

    def _nothing_lasts(self, what: str) -> RuntimeError:
        return RuntimeError(f"{what} of a datagram: there is no connection")


def datagram(lid: int, peer: str, data: bytes, local: str = "") -> Message:
    """DGRAM_SEND."""
    if len(data) > wire.DATAGRAM_BYTES:
        raise ValueError(f"datagram of {len(data)} bytes, {wire.DATAGRAM_BYTES} are allowed")
    return (wire.DGRAM_SEND, lid, peer, data, local) if local else (wire.DGRAM_SEND, lid, peer, data)


class Session(dict):  # type: ignore[type-arg]  # dict[str, Any]
    """A dict that knows when it was changed. It is saved after the callback that changed it.

    A change deep inside (`session["seen"].append(1)`) is not noticed: assign the item, or call `save`.
    """

    __slots__ = ("_connection", "dirty")

    def __init__(self, items: dict[str, Any], connection: Connection) -> None:
        super().__init__(items)
        self._connection = connection
        self.dirty = False

    def save(self) -> None:
        """Marks the session as changed."""
        if not self.dirty:
            self.dirty = True
            self._connection._engine.unsaved.append(self)

    def message(self) -> Message:
        """The message SESSION; from now on the session counts as saved. Raises TypeError or ValueError when it cannot be."""
        self.dirty = False
        return (wire.SESSION, self._connection.id, pack_session(self, f"session of connection {self._connection.id}"))

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self.save()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self.save()

    def __ior__(self, other: Any) -> Session:  # type: ignore[misc]
        self.update(other)
        return self

    def clear(self) -> None:
        super().clear()
        self.save()

    def pop(self, *args: Any) -> Any:
        self.save()
        return super().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        self.save()
        return super().popitem()

    def setdefault(self, name: str, default: Any = None) -> Any:
        self.save()
        return super().setdefault(name, default)

    def update(self, *args: Any, **items: Any) -> None:
        super().update(*args, **items)
        self.save()


def pack_session(session: dict[str, Any], what: str) -> bytes:
    """A session as the gateway keeps it. Raises TypeError or ValueError when it cannot be."""
    for name in session:
        if not isinstance(name, str):
            raise TypeError(f"{what}: {name!r} is no text, the names in a session are")
    try:
        packed = pack(dict(session))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise TypeError(f"{what} cannot be kept: {error}") from error
    if len(packed) > wire.SESSION_BYTES:
        raise ValueError(f"{what} has {len(packed)} bytes, {wire.SESSION_BYTES} are allowed")
    return packed


def encode_data(data: Data, binary: bool | None = None) -> tuple[int, bytes]:
    """Flags and bytes of what is sent."""
    if data.__class__ is str or isinstance(data, str):
        try:
            body = data.encode()
        except UnicodeEncodeError:
            body = data.encode("utf-8", "surrogateescape")  # what `decode_text` could not decode goes back as it came
        return (wire.BINARY if binary else 0), body
    if isinstance(data, Event):
        return wire.EVENT, data.encode()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"cannot send {type(data).__name__}: str, bytes or gw.Event is expected")
    return (0 if binary is False else wire.BINARY), bytes(data)


def decode_text(data: bytes) -> str:
    """Text of a client. Only WebSocket promises UTF-8; a line of another protocol keeps its odd bytes as surrogates."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")


def check_group(group: str) -> str:
    if not 0 < len(group.encode()) <= 128:
        raise ValueError(f"group name of {len(group.encode())} bytes: 1 to 128 are allowed")
    return group
