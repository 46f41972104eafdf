"""What a callback may answer, and how it becomes a message."""

from __future__ import annotations

import os

from . import _wire as wire
from ._event import Subscription, format_events, subscription

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Union

    from ._wire import Message

    HeaderValue = Union[str, bytes, int, Sequence[str]]
    HeaderFields = Union[Mapping[str, HeaderValue], Sequence[tuple[Any, Any]]]
    Chunks = Union[Iterable[Any], AsyncIterable[Any]]

# Stands for an answer that its callback has written itself, through a stream.
WRITTEN: Any = object()

TEXT = {"content-type": "text/plain; charset=utf-8"}
HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
BYTES = {"content-type": "application/octet-stream"}
_HEADER_BYTES = 6  # per header, for what msgpack adds
_MESSAGE_BYTES = 24

_TOKEN = str.maketrans("", "", "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_names: set[str | bytes] = set()

_json: Any = None


class Response:
    """An answer with status and headers.

    `headers` maps names to a text, or to a list of them (set-cookie); a list of pairs does as well.
    `body` is text, bytes, or what becomes JSON (dict, list). Without a content-type header one is chosen by the kind of body.
    """

    __slots__ = ("status", "headers", "body", "chunks", "prompt", "path")

    def __init__(self, status: int = 200, headers: HeaderFields | None = None, body: Any = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.chunks: Chunks | None = None  # the body piece by piece, instead of `body`
        self.prompt = False  # status and headers leave before the first chunk is there
        self.path: str | os.PathLike[str] | None = None  # of the file that `chunks` reads, if the gateway may send it instead

    def __repr__(self) -> str:
        return f"<Response {self.status}>"

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, HeaderValue] | None = None) -> Response:
        return cls(status, {**JSON, **(headers or {})}, encode_json(value))

    @classmethod
    def html(cls, text: str, status: int = 200, headers: Mapping[str, HeaderValue] | None = None) -> Response:
        return cls(status, {**HTML, **(headers or {})}, text)

    @classmethod
    def redirect(cls, location: str, status: int = 302, headers: Mapping[str, HeaderValue] | None = None) -> Response:
        from urllib.parse import quote

        return cls(status, {"location": quote(location, safe="%:/?#[]@!$&'()*+,;=~"), **(headers or {})})

    @classmethod
    def file(
        cls,
        path: str | os.PathLike[str],
        content_type: str | None = None,
        status: int = 200,
        headers: Mapping[str, HeaderValue] | None = None,
        delete: bool = False,
    ) -> Response:
        """A file; 404 when there is none. The content-type is guessed by the extension.

        The gateway sends it, where it may (`sendfile` in gw.yaml), and answers ranges and conditions; the file must stay until
        the answer has begun. With `delete` the file is deleted at once, and sent by this handler.
        """
        try:
            file = open(path, "rb")
            size = os.fstat(file.fileno()).st_size
            if delete:
                os.unlink(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return cls(404, TEXT, "Not Found")
        if content_type is None:
            from mimetypes import guess_type

            guessed, encoding = guess_type(os.fspath(path))
            content_type = guessed if guessed and not encoding else "application/octet-stream"
            if content_type.startswith("text/"):
                content_type += "; charset=utf-8"
        fields = {"content-type": content_type, "content-length": str(size), **(headers or {})}
        response = cls._streamed(status, fields, _FileChunks(file), True)
        response.path = None if delete else path
        return response

    @classmethod
    def stream(cls, chunks: Chunks, status: int = 200, headers: HeaderFields | None = None) -> Response:
        """The body piece by piece: each text or bytes of the iterable is sent as it comes.

        An exception before the first piece answers 500; later it cuts the answer off so that the client notices.
        """
        return cls._streamed(status, headers, chunks, False)

    @classmethod
    def events(
        cls,
        events: Chunks | None = None,
        status: int = 200,
        headers: Mapping[str, HeaderValue] | None = None,
        *,
        join: str | Iterable[str] = (),
        uid: str = "",
        session: dict[str, Any] | None = None,
        first: Iterable[Any] = (),
    ) -> Response:
        """Server-sent events, each an Event, a text (its data) or a dict of the fields of an Event; bytes are sent as they are.

        With an iterable the worker sends what it yields. Without one the client becomes a connection of kind `events`, whose id is
        that of the request, and the worker is free: `gw.gateway.publish` and its kin reach it through the groups it is let `join`,
        by its `uid` or id. `first` are events to begin with, such as those a client has missed (`last-event-id`).
        """
        if events is None:
            response = cls(status, headers)
            response.chunks = subscription(join, uid, session, first)  # type: ignore[assignment]
            return response
        if join or uid or session or first:
            raise ValueError("Response.events: join, uid, session and first are for a stream without an iterable")
        fields = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", **(headers or {})}
        return cls._streamed(status, fields, format_events(events), True)

    @classmethod
    def _streamed(cls, status: int, headers: HeaderFields | None, chunks: Chunks, prompt: bool) -> Response:
        response = cls(status, headers)
        response.chunks, response.prompt = chunks, prompt
        return response

    @classmethod
    def of(cls, answer: Any) -> Response:
        """The response for whatever a callback returned."""
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return cls(204)
        if isinstance(answer, tuple):
            if not 1 < len(answer) < 4:
                raise TypeError(f"a tuple as answer is (body, status) or (body, status, headers), not {len(answer)} items")
            return cls(answer[1], answer[2] if len(answer) > 2 else None, answer[0] if answer[0] is not None else b"")
        return cls(200, None, answer)


def complete(sid: int, answer: Any) -> tuple[Message, int] | Response | None:
    """The message RES for an answer with the bytes it takes; or the answer as a Response, when it has to be streamed.
    None when it is written already.

    Raises TypeError or ValueError for what is no answer.
    """
    if answer.__class__ is str and len(answer) < wire.CHUNK_BYTES:
        body = answer.encode()
        return (wire.RES, sid, 200, HTML if answer[:1] == "<" else TEXT, body), len(body) + 64
    if answer.__class__ is not Response:
        if answer is WRITTEN:
            return None
        answer = Response.of(answer)
    if answer.chunks is not None:
        if answer.chunks.__class__ is not Subscription:
            return answer  # type: ignore[no-any-return]
        headers, size = check_headers(answer.headers, None)
        return answer.chunks.message(sid, check_status(answer.status), headers), answer.chunks.size + size
    body, kind = encode_body(answer.body)
    return whole(sid, answer.status, answer.headers, body, kind)


def whole(
    sid: int, status: int, headers: HeaderFields | None, body: bytes, kind: dict[str, str] | None = None
) -> tuple[Message, int] | Response:
    """The message RES with the bytes it takes; a Response to be streamed when the body is too large for one message."""
    fields, size = check_headers(headers, kind)
    if len(body) <= wire.BODY_BYTES:
        return (wire.RES, sid, check_status(status), fields, body), size + len(body)
    large = Response(status, with_length(fields, len(body)))
    large.chunks, large.prompt = (body,), True
    return large


def encode_body(body: Any) -> tuple[bytes, dict[str, str] | None]:
    """The bytes of a body and the headers that tell its type. Raises TypeError."""
    kind = body.__class__
    if kind is bytes:
        return body, BYTES if body else None
    if kind is str or isinstance(body, str):
        return body.encode(), (HTML if body[:1] == "<" else TEXT) if body else None
    if isinstance(body, (dict, list)):
        return encode_json(body), JSON
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), BYTES
    raise TypeError(f"{kind.__name__} is no answer: str, bytes, dict, list, Response, None or a tuple (body, status, headers) is")


def encode_json(value: Any) -> bytes:
    global _json
    if _json is None:
        from json import JSONEncoder

        _json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would build one per call
    return _json(value).encode()  # type: ignore[no-any-return]


def encode_chunk(chunk: Any) -> bytes:
    if chunk.__class__ is bytes:
        return chunk
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"{type(chunk).__name__} in a streamed answer: str or bytes is expected")


def check_status(status: Any) -> int:
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"{status!r} is no status for an answer")
    return status if status.__class__ is int else int(status)


def check_headers(headers: HeaderFields | None, kind: dict[str, str] | None) -> tuple[Any, int]:
    """Headers as the wire wants them, with those of `kind` where there is no content-type, and the bytes they take.

    Raises TypeError or ValueError, so that a bad header answers 500 instead of ending the worker.
    """
    if not headers:
        return (kind, _MESSAGE_BYTES + 64) if kind else ([], _MESSAGE_BYTES)
    if type(headers) is dict:
        size = _plain_size([*headers, *headers.values()])
        if size and (headers.keys() <= _names or _check_names(headers)):
            if kind and "content-type" not in headers and "Content-Type" not in headers:
                headers = _with_kind(headers, kind)
            return headers, size + len(headers) * _HEADER_BYTES + _MESSAGE_BYTES
    elif type(headers) is list and not kind:
        size = _plain_size([part for name, value in headers for part in (name, value)])
        if size:
            for name, _ in headers:
                if name not in _names:
                    _check_names((name,))
            return headers, size + len(headers) * _HEADER_BYTES + _MESSAGE_BYTES
    pairs = [pair for name, value in _items(headers) for pair in _encode_header(name, value)]
    if kind and not any(name.lower() == b"content-type" for name, _ in pairs):
        pairs.append((b"content-type", kind["content-type"].encode()))
    return pairs, sum(len(name) + len(value) + _HEADER_BYTES for name, value in pairs) + _MESSAGE_BYTES


def _plain_size(parts: list[Any]) -> int:
    """Bytes of these names and values when all are ASCII without line ends, else 0. One join sees to it: 0.2 µs for five headers."""
    try:
        if parts[0].__class__ is bytes:
            data = b"".join(parts)
            return len(data) if b"\n" not in data and b"\r" not in data and b"\0" not in data else 0
        text = "".join(parts)
        return len(text) if text.isascii() and "\n" not in text and "\r" not in text and "\0" not in text else 0
    except TypeError:
        return 0


def _check_names(names: Iterable[Any]) -> bool:
    """Sees that these are names of headers (RFC 9110 5.1) and remembers them: there are only so many. Raises ValueError."""
    for name in names:
        if not isinstance(name, (str, bytes)):
            raise TypeError(f"{name!r} as the name of a header: text is expected")
        text = name if isinstance(name, str) else name.decode("latin-1")
        if not text or text.translate(_TOKEN):
            raise ValueError(f"{name!r} is no name for a header")
        if len(_names) >= 1024:
            _names.clear()
        _names.add(name)
    return True


def with_length(headers: Any, length: int) -> Any:
    """Checked headers with a content-length."""
    if any(name.lower() in ("content-length", b"content-length") for name, _ in _items(headers)):
        return headers
    return {**headers, "content-length": str(length)} if type(headers) is dict else [*headers, ("content-length", str(length))]


def _with_kind(headers: dict[str, Any], kind: dict[str, str]) -> dict[str, Any]:
    return headers if any(name.lower() == "content-type" for name in headers) else {**kind, **headers}


def _items(headers: HeaderFields) -> Iterable[tuple[Any, Any]]:
    return headers.items() if hasattr(headers, "items") else headers


def _encode_header(name: Any, value: Any) -> Iterator[tuple[bytes, bytes]]:
    _check_names([name])
    key = _encode_field(name)
    for item in value if isinstance(value, (list, tuple)) else (value,):
        yield key, _encode_field(item)


def _encode_field(value: Any) -> bytes:
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    if not isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} in a header: text is expected")
    data = value.encode() if isinstance(value, str) else bytes(value)
    if b"\n" in data or b"\r" in data or b"\0" in data:
        raise ValueError(f"line end or NUL in a header: {value!r}")
    return data


class _FileChunks:
    """Reads a file piece by piece. Not a generator, because one that never began would not close it."""

    __slots__ = ("_file", "close")

    def __init__(self, file: Any) -> None:
        self._file = file
        self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk: bytes = self._file.read(wire.CHUNK_BYTES)
        if not chunk:
            self.close()
            raise StopIteration
        return chunk
