"""What a callback may answer, and how it becomes a message."""

from __future__ import annotations

import os

from . import _wire as wire
from ._event import Subscription, format_events, subscription
from ._packing import has, pack_answer, pack_head, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
    from typing import Any, Union

    from ._packing import HeaderFields, HeaderValue

    Chunks = Union[Iterable[Any], AsyncIterable[Any]]

# Stands for an answer that its callback has written itself, through a stream.
WRITTEN: Any = object()

TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

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
        return cls(status, {"content-type": JSON, **(headers or {})}, encode_json(value))

    @classmethod
    def html(cls, text: str, status: int = 200, headers: Mapping[str, HeaderValue] | None = None) -> Response:
        return cls(status, {"content-type": HTML, **(headers or {})}, text)

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
            return cls(404, None, "Not Found")
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


def complete(sid: int, answer: Any) -> bytes | Response | None:
    """The message RES for an answer; or the answer as a Response, when it has to be streamed. None when it is written already.

    Raises TypeError or ValueError for what is no answer.
    """
    if answer.__class__ is str and len(answer) < wire.CHUNK_BYTES:
        return pack_answer(sid, pack_head(200, None, HTML if answer[:1] == "<" else TEXT), answer.encode())
    if answer.__class__ is not Response:
        if answer is WRITTEN:
            return None
        answer = Response.of(answer)
    if answer.chunks is not None:
        if answer.chunks.__class__ is not Subscription:
            return answer  # type: ignore[no-any-return]
        return answer.chunks.message(sid, pack_head(answer.status, answer.headers))
    body, kind = encode_body(answer.body)
    return whole(sid, answer.status, answer.headers, body, kind)


def whole(sid: int, status: int, headers: HeaderFields | None, body: bytes, kind: str | None = None) -> bytes | Response:
    """The message RES; a Response to be streamed when the body is too large for one message."""
    if len(body) <= wire.BODY_BYTES:
        return pack_answer(sid, pack_head(status, headers, kind), body)
    large = Response(status, with_length(headers, kind, len(body)))
    large.chunks, large.prompt = (body,), True
    return large


def encode_body(body: Any) -> tuple[bytes, str | None]:
    """The bytes of a body and the content-type that goes with them. Raises TypeError."""
    kind = body.__class__
    if kind is str:
        return body.encode(), (HTML if body[:1] == "<" else TEXT) if body else None
    if kind is bytes:
        return body, BYTES if body else None
    if isinstance(body, (dict, list)):
        return encode_json(body), JSON
    if isinstance(body, str):
        return encode_body(str(body))
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


def with_length(headers: HeaderFields | None, kind: str | None, length: int) -> HeaderFields:
    """The headers with a content-type, if there is none among them, and a content-length."""
    mapped = hasattr(headers, "items")
    pairs: list[tuple[Any, Any]] = list(split(headers.items() if mapped else headers or ()))  # type: ignore[union-attr,arg-type]
    if kind is not None and not has(pairs, "content-type"):
        pairs.insert(0 if mapped else len(pairs), ("content-type", kind))
    return pairs if has(pairs, "content-length") else [*pairs, ("content-length", str(length))]


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
