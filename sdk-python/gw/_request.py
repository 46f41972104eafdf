"""An HTTP request as the callback sees it. It wraps the message as it came; everything is worked out when it is asked for."""

from __future__ import annotations

from . import _wire as wire
from ._mapping import Headers, MultiMap, parse_headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ._form import Upload
    from ._wire import Message


_scan: Any = None


class BadRequest(ValueError):
    """The client sent something malformed. Answered with 400 when a callback lets it pass."""


class Request:
    __slots__ = ("_message", "_body", "_form", "_path", "_query", "_headers", "_stream", "_file")

    _body: bytes
    _form: tuple[MultiMap, MultiMap]
    _path: str | None
    _query: MultiMap | None
    _headers: Headers | None
    _stream: Any
    _file: Any

    def __init__(self, message: Message) -> None:
        # An attribute set here costs 15 ns, one found missing later 400: so None for those that many callbacks look at.
        self._message = message
        self._path = self._query = self._headers = None

    def __repr__(self) -> str:
        return f"<Request {self.id} {self.method} {self.target}>"

    @property
    def id(self) -> int:
        """Number of this exchange, as in gw's log. Never used twice."""
        return self._message[1]  # type: ignore[no-any-return]

    @property
    def method(self) -> str:
        return self._message[5]  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """Path without the query, percent-decoded."""
        path = self._path
        if path is None:
            path = self._path = decode_path(self._message[6])
        return path

    @property
    def target(self) -> str:
        """Path and query as the client sent them."""
        path, query = self._message[6], self._message[7]
        return (path + b"?" + query if query else path).decode("latin-1")  # type: ignore[no-any-return]

    @property
    def peer(self) -> str:
        """Address of the client, `host:port`."""
        return self._message[4]  # type: ignore[no-any-return]

    @property
    def scheme(self) -> str:
        return "https" if self._message[2] & wire.TLS else "http"

    @property
    def protocol(self) -> str:
        """HTTP/1.0, HTTP/1.1 or HTTP/2."""
        flags = self._message[2]
        return "HTTP/2" if flags & wire.HTTP_2 else "HTTP/1.0" if flags & wire.HTTP_1_0 else "HTTP/1.1"

    @property
    def host(self) -> str:
        """The Host header: name, and port when it is not the usual one."""
        return self.headers.get("host", "")  # type: ignore[no-any-return]

    @property
    def headers(self) -> Headers:
        headers = self._headers
        if headers is None:
            headers = self._headers = parse_headers(self._message[8])
        return headers

    @property
    def subprotocols(self) -> list[str]:
        """What a WebSocket client offers to speak, in its order."""
        return [name for name in (part.strip() for part in self.headers.get("sec-websocket-protocol", "").split(",")) if name]

    @property
    def query(self) -> MultiMap:
        """Fields of the query string."""
        query = self._query
        if query is None:
            query = self._query = parse_query(self._message[7])
        return query

    @property
    def cookies(self) -> dict[str, str]:
        cookies: dict[str, str] = {}
        for part in self.headers.get("cookie", "").split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name not in cookies:  # RFC 6265 5.4: the more specific cookie comes first
                cookies[name] = value[1:-1] if value[:1] == value[-1:] == '"' and len(value) > 1 else value
        return cookies

    @property
    def body(self) -> bytes:
        """The whole body. A large one lies in a file (`body_file`), or is still on its way: it is read now."""
        if not self._message[2] & (wire.BODY_IN_FILE | wire.BODY_FOLLOWS):
            return self._message[9]  # type: ignore[no-any-return]
        try:
            return self._body
        except AttributeError:
            self._body = self._collect()
            return self._body

    def _collect(self) -> bytes:
        if self._message[2] & wire.BODY_FOLLOWS:
            return self._unread().read()  # type: ignore[no-any-return]
        with open(self._message[9], "rb") as file:
            return file.read()

    def _unread(self) -> Any:
        stream = self.stream()
        if stream.begun:
            raise RuntimeError("a part of the body has been read by stream() or read() already")
        return stream

    def stream(self) -> Any:
        """The body piece by piece, as it comes: `for piece in request.stream()`, in async code `async for`.

        With `gw.Worker(stream_bodies=True)` a long body is not kept anywhere: the client sends as fast as it is read here. Raises
        gw.ClientGone when the client leaves in the middle.
        """
        try:
            return self._stream
        except AttributeError:
            self._stream = self._open()
            return self._stream

    def _open(self) -> Any:
        from ._body import Body, pieces

        return Body(pieces(self._message, self._upload()))

    def _upload(self) -> Any:
        if not self._message[2] & wire.BODY_FOLLOWS:
            return None
        from ._gateway import gateway

        return gateway._engine.open_upload(self.id)

    def read(self, size: int = -1) -> Any:
        """Up to `size` bytes of the body, fewer only at its end, b"" behind it; without a size all that is left.
        In async code `await request.read()`."""
        return self.stream().read(size)

    @property
    def disconnected(self) -> bool:
        """Whether the client has left: nobody waits for the answer any more."""
        from ._gateway import gateway

        return gateway._engine.gone(self.id)

    @property
    def body_file(self) -> str | None:
        """Path of the file that holds a large body; gw removes it after the answer. None when the body is in memory."""
        return self._message[9].decode("utf-8", "surrogateescape") if self._message[2] & wire.BODY_IN_FILE else None

    def json(self) -> Any:
        """The body as JSON. Raises BadRequest when it is not."""
        try:
            return decode_json(self.body)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"body is not JSON: {error}") from error

    @property
    def form(self) -> MultiMap:
        """Fields of an HTML form, urlencoded or multipart; empty for any other body. Raises BadRequest when it is malformed."""
        return self._forms()[0]

    @property
    def files(self) -> MultiMap:
        """Files of a multipart form, name -> Upload. Raises BadRequest when it is malformed."""
        return self._forms()[1]

    def _forms(self) -> tuple[MultiMap, MultiMap]:
        try:
            return self._form
        except AttributeError:
            from ._form import parse_form

            kind = self.headers.get("content-type", "")
            if not self._message[2] & wire.BODY_FOLLOWS:
                self._form = parse_form(kind, self._message[9], self.body_file)
            elif kind[:10].lower() == "multipart/":
                self._form = parse_form(kind, b"", self._spool())
            else:
                self._form = parse_form(kind, self.body, None)
            return self._form

    def _spool(self) -> str | None:
        """The file that a form with uploads is put into; it goes with the request."""
        from tempfile import NamedTemporaryFile

        self._file = NamedTemporaryFile(prefix="gw-form-")
        self._file.writelines(self._unread())
        self._file.flush()
        return self._file.name  # type: ignore[no-any-return]


class AsyncRequest(Request):
    """The same for async callbacks, where `read` and `stream` are awaited. What needs the whole of a body that is still on its
    way (`body`, `json`, `form`) wants `await request.read()` before."""

    __slots__ = ()

    def _open(self) -> Any:
        from ._body import AsyncBody, async_pieces

        return AsyncBody(async_pieces(self._message, self._upload()))

    def _collect(self) -> bytes:
        if self._message[2] & wire.BODY_FOLLOWS:
            raise RuntimeError("the body is still on its way: await request.read() first")
        return super()._collect()

    def _spool(self) -> str | None:
        raise RuntimeError("the body is still on its way: await request.read() first")

    async def read(self, size: int = -1) -> bytes:
        stream = self.stream()
        whole = size < 0 and not stream.begun
        data: bytes = await stream.read(size)
        if whole:
            self._body = data
        return data


def decode_path(path: bytes) -> str:
    if b"%" in path:
        from urllib.parse import unquote_to_bytes

        path = unquote_to_bytes(path)
    return path.decode("utf-8", "replace")


def parse_query(query: bytes) -> MultiMap:
    """Fields of `a=1&b=2`, as the URL standard reads them: anything is valid, what is not UTF-8 becomes U+FFFD."""
    if not query:
        return MultiMap()
    if b"%" in query or b"+" in query:
        return MultiMap(_unquote_fields(query))
    return MultiMap.split(query.decode("utf-8", "replace").split("&"), "=")


def _unquote_fields(query: bytes) -> Iterator[tuple[str, str]]:
    from urllib.parse import unquote_to_bytes

    for field in query.replace(b"+", b" ").split(b"&"):
        if field:
            name, _, value = field.partition(b"=")
            yield unquote_to_bytes(name).decode("utf-8", "replace"), unquote_to_bytes(value).decode("utf-8", "replace")


def decode_json(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError or RecursionError."""
    global _scan
    if _scan is None:
        from json import JSONDecoder

        _scan = JSONDecoder().raw_decode
    try:
        # Without the guesses of json.loads at the encoding: 1.3 µs less.
        decoded = text.decode()
        value, end = _scan(decoded)
        if end == len(decoded) or not decoded[end:].strip(" \t\r\n"):
            return value
    except ValueError:
        pass
    from json import loads

    return loads(text)  # leading space, another encoding, or no JSON
