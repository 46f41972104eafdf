"""gw-ipc/1 without any I/O: bytes in, checked messages out, and back.

Owns the numbers of docs/protocol.md, the frame around messages and the shape every message of the gateway must have.
Knows neither descriptors nor callbacks.

Invariant: a message that leaves `FrameDecoder` has at least the fields of its shape, each of the right type, and an op this
SDK handles. Whoever handles it may unpack it without looking.
"""

from __future__ import annotations

from struct import Struct

from ._codec import unpack

TYPE_CHECKING = False  # type checkers take this for True; importing typing costs 7 ms of every worker's start
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Message = Sequence[Any]

VERSION = 1

# Gateway -> handler.
HELLO = 0x01
PING = 0x02
DRAIN = 0x03
REPLY = 0x04
REQ = 0x10
BODY = 0x11
CREDIT = 0x12
ABORT = 0x13
OPEN = 0x30
MSG = 0x31
CLOSED = 0x32  # CLOSE on the wire; the handler's own CLOSE is 0x41
ATTACH = 0x33
BUF = 0x34
DETACH = 0x35
DGRAM = 0x36

# Handler -> gateway.
READY = 0x05
PONG = 0x06
BYE = 0x07
ACK = 0x08
LOG = 0x09
CALL = 0x0A
DONE = 0x0B
RES = 0x20
RES_START = 0x21
RES_CHUNK = 0x22
RES_END = 0x23
RES_FILE = 0x24
ACCEPT = 0x25
EVENTS = 0x26
BODY_CREDIT = 0x27
SEND = 0x40
CLOSE = 0x41
SENDMANY = 0x42
JOIN = 0x43
LEAVE = 0x44
PUBLISH = 0x45
BROADCAST = 0x46
SESSION = 0x47
DGRAM_SEND = 0x49
BIND = 0x4A
SENDUID = 0x4B

BINARY, EVENT = 1, 2  # flags of MSG (the first one), SEND, SENDMANY, PUBLISH, BROADCAST, SENDUID
BODY_FOLLOWS, BODY_IN_FILE, TLS, HTTP_1_0, WEBSOCKET, HTTP_2 = 1, 2, 4, 8, 16, 32  # flags of REQ; 4 and 32 of OPEN and ATTACH too

FRAME_MESSAGES = 128
# 32 KiB less what is not counted per message: the headers of the frame and its messages, the acknowledgements behind them.
FRAME_BYTES = 30 * 1024
CHUNK_BYTES = 32 * 1024
BODY_BYTES = 256 * 1024  # a larger answer is streamed
SESSION_BYTES = 16 * 1024
DATAGRAM_BYTES = 65507  # the longest payload of UDP over IPv4
FRAME_LIMIT = (1 << 26) - 1

_head = Struct(">IBH").pack  # of a frame: length, and the array of its messages

_ANY = object
_DEPTH = 8
_OPEN_ENDED = 0x80  # ops from here on may be added without a new version

_SHAPES: dict[int, tuple[type, ...]] = {
    HELLO: (int, int, int, _ANY),
    PING: (int, int),
    DRAIN: (int, int, str),
    REPLY: (int, int, bool, _ANY),
    REQ: (int, int, int, int, str, str, bytes, bytes, bytes, bytes),
    BODY: (int, int, bytes, int),
    CREDIT: (int, int, int),
    ABORT: (int, int, int),
    OPEN: (int, int, int, str, str, bytes, bytes, bytes),
    MSG: (int, int, int, bytes),
    CLOSED: (int, int, int, str),
    ATTACH: (int, int, int, str, str, bytes, bytes, bytes, bytes, str),
    BUF: (int, int, int),
    DETACH: (int, int),
    DGRAM: (int, int, str, bytes, str, int),
}


class ProtocolError(Exception):
    """The gateway broke gw-ipc/1, or the two do not share a version. The relation ends."""


def frame(messages: Sequence[bytes]) -> bytes:
    """One frame holding these messages, which are packed."""
    size = sum(map(len, messages))
    return b"".join((_head(size + 3, 0xDC, len(messages)), *messages))


class FrameDecoder:
    """Cuts a byte stream into frames and returns their messages.

    `max_frame` bounds what is held: at most one incomplete frame.
    """

    __slots__ = ("max_frame", "_held", "_need")

    def __init__(self, max_frame: int = FRAME_LIMIT) -> None:
        self.max_frame = max_frame
        self._held = bytearray()
        self._need = 0

    def feed(self, data: bytes) -> list[Message]:
        """The messages of every frame that these bytes complete.

        Raises ProtocolError; the decoder is of no use afterwards.
        """
        if not self._held and 4 < len(data) == 4 + int.from_bytes(data[:4], "big") <= self.max_frame:
            return _decode(data[4:])  # one whole frame: nearly always
        if self._held:
            # Appending keeps a large frame linear; joining per read took 29 s for 64 MiB.
            self._held += data
            if len(self._held) < self._need:
                return []
            data = bytes(self._held)
            self._held.clear()
        size = len(data)
        messages: list[Message] = []
        at = 0
        while True:
            start = at + 4
            if start > size:
                self._need = 4
                break
            length = int.from_bytes(data[at:start], "big")
            if not 0 < length <= self.max_frame:
                raise ProtocolError(f"frame of {length} bytes (1 to {self.max_frame} are allowed), begins {data[at:at + 32]!r}")
            end = start + length
            if end > size:
                self._need = 4 + length
                break
            batch = _decode(data[start:end])
            messages = messages + batch if messages else batch
            at = end
        if at < size:
            self._held += data[at:]
        return messages


def _decode(payload: bytes) -> list[Message]:
    try:
        batch = unpack(payload)
    except Exception as error:  # whatever a codec raises for bytes that are not msgpack
        raise ProtocolError(f"not a msgpack array: {error}") from error
    if type(batch) is not list:
        raise ProtocolError(f"payload is {type(batch).__name__}, not an array")
    later = False
    for message in batch:
        try:
            # 0.1 µs for a message that is exactly what the table says, and those are all but a few.
            if tuple(map(type, message)) != _SHAPES[message[0]]:
                later |= not _examine(message)
        except (TypeError, LookupError):
            later |= not _examine(message)
    return [message for message in batch if message[0] in _SHAPES] if later else batch


def _examine(message: Any) -> bool:
    """Whether this is a message to handle, field by field. False for one of a later version, to be passed over."""
    if type(message) is not list or not message or type(message[0]) is not int:
        raise ProtocolError(f"not a message: {message!r:.80}")
    shape = _SHAPES.get(message[0])
    if shape is None:
        if message[0] >= _OPEN_ENDED:
            return False
        raise ProtocolError(f"unknown message {message[0]:#04x}")
    if len(message) < len(shape):
        raise ProtocolError(f"message {message[0]:#04x} has {len(message)} fields, {len(shape)} are needed")
    for index, (field, wanted) in enumerate(zip(message, shape)):
        if wanted is _ANY:
            _plain(field, 2)
        elif type(field) is not wanted:
            raise ProtocolError(f"message {message[0]:#04x}, field {index}: {type(field).__name__} instead of {wanted.__name__}")
    return True


def _plain(value: Any, depth: int) -> None:
    """Refuses what gw-ipc/1 does not know: ext types (a timestamp gets past some decoders) and deep nesting."""
    if depth > _DEPTH:
        raise ProtocolError(f"nested deeper than {_DEPTH}")
    if type(value) is list or type(value) is dict:
        for item in value:
            _plain(item, depth + 1)
        if type(value) is dict:
            for item in value.values():
                _plain(item, depth + 1)
    elif value is not None and type(value) not in (bool, int, float, str, bytes):
        raise ProtocolError(f"{type(value).__name__} is not a type of gw-ipc/1")
