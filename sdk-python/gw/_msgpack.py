"""msgpack in Python: a strict codec for any value, and short cuts for the messages that are read by the thousand.

Reads and writes what gw-ipc/1 allows: nil, bool, int, float, str, bin, array, map; no ext types, no nil keys.
The short cuts (REQ and MSG) only skip work: what does not look exactly as expected takes the general way. What is written by the
thousand is packed by `_packing`.
"""

from __future__ import annotations

from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Reader = Callable[[bytes, int], tuple[Any, int]]

_F32, _F64 = Struct(">f").unpack_from, Struct(">d").unpack_from
_BYTE, _SHORT, _WORD, _LONG = Struct(">BB").pack, Struct(">BH").pack, Struct(">BI").pack, Struct(">BQ").pack
_SIGNED, _DOUBLE = Struct(">Bq").pack, Struct(">Bd").pack
_FIXINT = [bytes((n,)) for n in range(128)]

_REQ, _MSG = 0x10, 0x31


# Reading. A reader takes the bytes and the position of a value's first byte; it returns the value and the position behind it.
# Nobody checks for the end while reading: a slice that runs out leaves the position behind the end, where `unpack` looks once.


def unpack(data: bytes) -> Any:
    """The one value in these bytes. Raises ValueError, IndexError, struct.error or RecursionError for anything else."""
    first = data[0]
    if first >> 4 == 0x9 or first == 0xDC or first == 0xDD:
        value, at = _read_batch(data)
    else:
        value, at = _READ[first](data, 0)
    if at != len(data):
        raise ValueError("incomplete input" if at > len(data) else "bytes behind the value")
    return value


def _read_batch(data: bytes) -> tuple[list[Any], int]:
    count, at = _count(data)
    items = []
    for _ in range(count):
        head = data[at : at + 2]
        if head == b"\x94\x31":
            item, at = _read_message(data, at)
        elif head == b"\x9a\x10":
            item, at = _read_request(data, at)
        else:
            item, at = _READ[data[at]](data, at)
        items.append(item)
    return items, at


def _count(data: bytes) -> tuple[int, int]:
    first = data[0]
    if first < 0xDC:
        return first & 15, 1
    end = 3 if first == 0xDC else 5
    return int.from_bytes(data[1:end], "big"), end


def _read_message(data: bytes, at: int) -> tuple[list[Any], int]:
    cid, here = _READ[data[at + 2]](data, at + 2)
    if data[here] < 0x80 and data[here + 1] == 0xC4:
        start = here + 3
        end = start + data[here + 2]
        return [_MSG, cid, data[here], data[start:end]], end
    return _read_array(data, at + 1, 4)


def _read_request(data: bytes, at: int) -> tuple[list[Any], int]:
    sid, here = _READ[data[at + 2]](data, at + 2)
    flags, lid, peer = data[here], data[here + 1], data[here + 2]
    if flags >= 0x80 or lid >= 0x80 or peer >> 5 != 5:
        return _read_array(data, at + 1, 10)
    start = here + 3
    end = start + (peer & 31)
    message = [_REQ, sid, flags, lid, data[start:end].decode()]
    for _ in range(5):  # method, path, query, headers, body
        kind = data[end]
        if kind == 0xC4:
            start = end + 2
            end = start + data[end + 1]
            message.append(data[start:end])
        elif kind == 0xC5:
            start = end + 3
            end = start + (data[end + 1] << 8 | data[end + 2])
            message.append(data[start:end])
        else:
            item, end = _READ[kind](data, end)
            message.append(item)
    return message, end


def _read_array(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        item, at = _READ[data[at]](data, at)
        items.append(item)
    return items, at


def _read_map(data: bytes, at: int, count: int) -> tuple[dict[Any, Any], int]:
    items: dict[Any, Any] = {}
    for _ in range(count):
        key, at = _READ[data[at]](data, at)
        if type(key) is not str and type(key) is not bytes:
            raise ValueError(f"{type(key).__name__} as a map key")
        items[key], at = _READ[data[at]](data, at)
    return items, at


def _constant(value: Any) -> Reader:
    return lambda data, at: (value, at + 1)


def _integer(size: int, signed: bool) -> Reader:
    def read(data: bytes, at: int) -> tuple[int, int]:
        end = at + 1 + size
        return int.from_bytes(data[at + 1 : end], "big", signed=signed), end

    return read


def _binary(size: int) -> Reader:
    def read(data: bytes, at: int) -> tuple[bytes, int]:
        start = at + 1 + size
        end = start + int.from_bytes(data[at + 1 : start], "big")
        return data[start:end], end

    return read


def _text(size: int) -> Reader:
    def read(data: bytes, at: int) -> tuple[str, int]:
        start = at + 1 + size
        end = start + int.from_bytes(data[at + 1 : start], "big")
        return data[start:end].decode(), end

    return read


def _short_text(length: int) -> Reader:
    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + 1 + length
        return data[at + 1 : end].decode(), end

    return read


def _many(items: Callable[[bytes, int, int], tuple[Any, int]], size: int) -> Reader:
    def read(data: bytes, at: int) -> tuple[Any, int]:
        start = at + 1 + size
        return items(data, start, int.from_bytes(data[at + 1 : start], "big"))

    return read


def _few(items: Callable[[bytes, int, int], tuple[Any, int]], count: int) -> Reader:
    return lambda data, at: items(data, at + 1, count)


def _refuse(data: bytes, at: int) -> Any:
    raise ValueError(f"type {data[at]:#04x}")


_READ: list[Reader] = [
    *map(_constant, range(0x80)),
    *(_few(_read_map, count) for count in range(16)),
    *(_few(_read_array, count) for count in range(16)),
    *map(_short_text, range(32)),
    *(_constant(None), _refuse, _constant(False), _constant(True)),
    *(_binary(1), _binary(2), _binary(4)),
    *(_refuse, _refuse, _refuse),  # ext
    *(lambda data, at: (_F32(data, at + 1)[0], at + 5), lambda data, at: (_F64(data, at + 1)[0], at + 9)),
    *(_integer(size, False) for size in (1, 2, 4, 8)),
    *(_integer(size, True) for size in (1, 2, 4, 8)),
    *[_refuse] * 5,  # fixext
    *(_text(1), _text(2), _text(4)),
    *(_many(_read_array, 2), _many(_read_array, 4)),
    *(_many(_read_map, 2), _many(_read_map, 4)),
    *map(_constant, range(-32, 0)),
]


# Writing. A writer appends pieces; one join makes the bytes.


def pack(value: Any) -> bytes:
    """One value as msgpack. Raises TypeError for what msgpack has no type for, ValueError and OverflowError for what does not fit."""
    parts: list[bytes] = []
    _write(value, parts)
    return b"".join(parts)


def _pack_text(text: str) -> bytes:
    data = text.encode()
    size = len(data)
    if size < 32:
        return bytes((0xA0 | size,)) + data
    return _sized(size, 0xD9) + data


def _bin_head(size: int) -> bytes:
    if size < 256:
        return _BYTE(0xC4, size)
    return _sized(size, 0xC4)


def _sized(size: int, tag: int) -> bytes:
    """Length of a str or bin; `tag` is the one for 8 bits, those for 16 and 32 follow it."""
    if size < 1 << 8:
        return _BYTE(tag, size)
    if size < 1 << 16:
        return _SHORT(tag + 1, size)
    return _WORD(tag + 2, size)


def _head(count: int, fix: int, tag: int) -> bytes:
    """Length of an array or map; `tag` is the one for 16 bits, that for 32 follows it."""
    if count < 16:
        return bytes((fix | count,))
    return _SHORT(tag, count) if count < 1 << 16 else _WORD(tag + 1, count)


def _pack_int(number: int) -> bytes:
    if number >= 0:
        if number < 0x80:
            return _FIXINT[number]
        if number < 1 << 8:
            return _BYTE(0xCC, number)
        if number < 1 << 16:
            return _SHORT(0xCD, number)
        if number < 1 << 32:
            return _WORD(0xCE, number)
        if number < 1 << 64:
            return _LONG(0xCF, number)
    elif number >= -32:
        return bytes((number & 0xFF,))
    elif number >= -(1 << 63):
        return _SIGNED(0xD3, number)
    raise OverflowError(f"{number} does not fit 64 bits")


def _write(value: Any, parts: list[bytes]) -> None:
    kind = type(value)
    if kind is str:
        parts.append(_pack_text(value))
    elif kind is int:
        parts.append(_pack_int(value))
    elif kind is bytes:
        parts += (_bin_head(len(value)), value)
    elif kind is list or kind is tuple:
        parts.append(_head(len(value), 0x90, 0xDC))
        for item in value:
            _write(item, parts)
    elif kind is dict:
        parts.append(_head(len(value), 0x80, 0xDE))
        for key, item in value.items():
            _write(key, parts)
            _write(item, parts)
    elif value is None:
        parts.append(b"\xc0")
    elif kind is bool:
        parts.append(b"\xc3" if value else b"\xc2")
    elif kind is float:
        parts.append(_DOUBLE(0xCB, value))
    else:
        _write_other(value, parts)


def _write_other(value: Any, parts: list[bytes]) -> None:
    """Subclasses and look-alikes of the plain types."""
    plain: Any
    for plain in (bytes, int, float, dict, list, tuple):
        if isinstance(value, plain):
            _write(plain(value), parts)
            return
    if isinstance(value, str):
        parts.append(_pack_text(value))
    elif isinstance(value, (bytearray, memoryview)):
        _write(bytes(value), parts)
    else:
        raise TypeError(f"can not serialize {type(value).__name__!r} object")
