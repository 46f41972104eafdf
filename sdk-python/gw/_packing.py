"""The messages that a handler writes by the thousand, as bytes: answers, what is sent to connections, acknowledgements.

Put together by hand, from pieces that are made once: half the work of handing them to a packer of msgpack. What an answer brings
as status and headers is checked here, so that a bad one answers 500 instead of ending the worker.

Invariant: what is remembered was checked, and is bounded.
"""

from __future__ import annotations

from struct import Struct

from . import _wire as wire
from ._codec import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, Union

    HeaderValue = Union[str, bytes, int, Sequence[str]]
    HeaderFields = Union[Mapping[str, HeaderValue], Sequence[tuple[Any, Any]]]

_TOKEN = str.maketrans("", "", "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HEADS, _HEAD_BYTES = 512, 1024  # how many are remembered, and up to which size
_PAIRS, _PAIR_BYTES = 1024, 512
_NAMES = 1024

# An id takes 9 bytes whatever it is, so that one call packs the beginning of a message.
_begin = Struct(">BBBQ").pack
_begin_send = Struct(">BBBQBBB").pack
_ID, _BIN = 0xCF, 0xC4
_BIN_HEADS = [bytes((_BIN, size)) for size in range(256)]
_STATUSES = {status: pack(status) for status in range(200, 600)}


def pack_answer(sid: int, head: bytes, body: bytes) -> bytes:
    """RES; the head is of pack_head."""
    size = len(body)
    return _begin(0x95, wire.RES, _ID, sid) + head + (_BIN_HEADS[size] if size < 256 else _bin_head(size)) + body


def pack_start(sid: int, head: bytes) -> bytes:
    """RES_START, with nothing of the body yet."""
    return _begin(0x95, wire.RES_START, _ID, sid) + head + b"\xc4\0"


def pack_file(sid: int, head: bytes, path: str) -> bytes:
    """RES_FILE."""
    return _begin(0x95, wire.RES_FILE, _ID, sid) + head + pack(path)


def pack_accept(sid: int, subprotocol: str | None, headers: bytes, *rest: Any) -> bytes:
    """ACCEPT; the headers are of pack_headers."""
    return _begin(0x94 + len(rest), wire.ACCEPT, _ID, sid) + pack(subprotocol) + headers + b"".join(map(pack, rest))


def pack_events(sid: int, head: bytes, first: bytes, *rest: Any) -> bytes:
    """EVENTS."""
    return _begin(0x95 + len(rest), wire.EVENTS, _ID, sid) + head + _bin_head(len(first)) + first + b"".join(map(pack, rest))


def pack_send(cid: int, flags: int, body: bytes) -> bytes:
    """SEND."""
    size = len(body)
    if size < 256:
        return _begin_send(0x94, wire.SEND, _ID, cid, flags, _BIN, size) + body
    return _begin(0x94, wire.SEND, _ID, cid) + bytes((flags,)) + _bin_head(size) + body


def pack_done(cid: int, count: int) -> bytes:
    """DONE."""
    return _begin(0x93, wire.DONE, _ID, cid) + pack(count)


def pack_ack(count: int) -> bytes:
    return b"\x92\x08" + pack(count)


def _bin_head(size: int) -> bytes:
    if size < 1 << 8:
        return _BIN_HEADS[size]
    if size < 1 << 16:
        return b"\xc5" + size.to_bytes(2, "big")
    return b"\xc6" + size.to_bytes(4, "big")


# Status and headers. Most answers have those of one before, and of the others most headers came before: both are remembered.

_heads: dict[tuple[Any, ...], bytes] = {}
_pairs: dict[tuple[Any, Any], bytes] = {}
_names: dict[Any, bytes] = {}


def pack_head(status: Any, headers: HeaderFields | None, kind: str | None = None) -> bytes:
    """Status and headers of an answer. With a kind it gets that content-type, unless there is one among the headers.

    Raises TypeError or ValueError for what is no status or no header.
    """
    if status.__class__ is not int:
        status = check_status(status)
    if not headers:
        key: tuple[Any, ...] = status, kind
    elif headers.__class__ is dict:
        key = (status, kind, *headers, *headers.values())
    else:
        if headers.__class__ is not list:
            headers = list(headers.items() if hasattr(headers, "items") else headers)
        key = (status, kind, *headers)
    try:
        head = _heads.get(key)
    except TypeError:  # a list among them
        head = None
    return head or _pack_head(key, status, headers, kind)


def _pack_head(key: tuple[Any, ...], status: int, headers: HeaderFields | None, kind: str | None) -> bytes:
    head = _STATUSES[check_status(status)] + pack_headers(headers, kind)
    if len(head) <= _HEAD_BYTES and _is_text(key[2:]):
        if len(_heads) >= _HEADS:
            _heads.clear()
        _heads[key] = head
    return head


def _is_text(parts: Iterable[Any]) -> bool:
    """Whether these are texts and bytes, or pairs of them: what is equal to them is packed alike, unlike 1 and True."""
    for part in parts:
        if part.__class__ is tuple:
            if not _is_text(part):
                return False
        elif part.__class__ is not str and part.__class__ is not bytes:
            return False
    return True


def pack_headers(headers: HeaderFields | None, kind: str | None = None) -> bytes:
    """The headers alone, as an array of pairs."""
    mapped = headers.__class__ is not list and hasattr(headers, "items")
    pairs: Any = headers.items() if mapped else headers or ()  # type: ignore[union-attr]
    if headers.__class__ is not dict and headers.__class__ is not list:
        pairs = list(pairs)  # it may be possible to iterate them once only
    try:
        parts: list[Any] = [*map(_pairs.get, pairs)]
        if None in parts:
            parts = [part or _pack_pair(*pair) for part, pair in zip(parts, pairs)]
    except TypeError:  # a value that is a list, or a pair that is one
        parts = [_pack_pair(name, value) for name, value in split(pairs)]
    if kind is not None and not has(pairs, "content-type"):
        parts.insert(0 if mapped else len(parts), _pack_pair("content-type", kind))
    count = len(parts)
    parts.insert(0, bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big"))
    return b"\x92".join(parts)


def check_status(status: Any) -> int:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"{status!r} is no status for an answer")
    return status if status.__class__ is int else int(status)


def split(pairs: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    """One pair for each value of a header."""
    for name, value in pairs:
        if isinstance(value, (list, tuple)):
            for item in value:
                yield name, item
        else:
            yield name, value


def has(pairs: Iterable[tuple[Any, Any]], wanted: str) -> bool:
    """Whether there is a header of that name."""
    for name, _ in pairs:
        if name == wanted or name.lower() in (wanted, wanted.encode()):
            return True
    return False


def _pack_pair(name: Any, value: Any) -> bytes:
    """One header, checked. Names and values go as bytes: they are remembered by what they were given as."""
    packed = (_names.get(name) or _pack_name(name)) + _pack_value(value)
    if value.__class__ in (str, bytes) and len(packed) <= _PAIR_BYTES:
        if len(_pairs) >= _PAIRS:
            _pairs.clear()
        _pairs[name, value] = packed
    return packed


def _pack_name(name: Any) -> bytes:
    """A name by RFC 9110 5.1, remembered: there are only so many."""
    if not isinstance(name, (str, bytes)):
        raise TypeError(f"{name!r} as the name of a header: text is expected")
    text = name if isinstance(name, str) else name.decode("latin-1")
    if not text or text.translate(_TOKEN):
        raise ValueError(f"{name!r} is no name for a header")
    if len(_names) >= _NAMES:
        _names.clear()
    packed = _names[name] = _bin_head(len(text)) + text.encode()
    return packed


def _pack_value(value: Any) -> bytes:
    if value.__class__ is str:
        data = value.encode()
    elif isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else bytes(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        data = b"%d" % value
    else:
        raise TypeError(f"{value!r} in a header: text is expected")
    if b"\n" in data or b"\r" in data or b"\0" in data:
        raise ValueError(f"line end or NUL in a header: {value!r}")
    return _bin_head(len(data)) + data
