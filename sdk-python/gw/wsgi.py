"""Runs a WSGI application (PEP 3333): Flask, Django, Bottle, ...

    import gw.wsgi
    gw.wsgi.serve(application)

or, without a line of code, `command: [python3, -m, gw, "module:application"]` in gw.yaml.
"""

from __future__ import annotations

import os
import sys
from io import BufferedReader, BytesIO, FileIO, RawIOBase
from urllib.parse import unquote_to_bytes

from . import _wire as wire
from ._body import ClientGone
from ._gateway import gateway
from ._mapping import parse_headers
from ._packing import pack_answer, pack_head
from ._response import WRITTEN, Response, encode_chunk, whole
from ._worker import Worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Callable

    from ._blocking import BlockingEngine, BlockingStream
    from ._body import BlockingUpload
    from ._request import Request
    from ._wire import Message

    Environ = dict[str, Any]
    Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_CACHED_BLOCKS, _CACHED_BYTES, _CACHED_KEYS, _CACHED_PEERS = 256, 4096, 1024, 1024
_SPECIAL = wire.TLS | wire.HTTP_1_0 | wire.HTTP_2

_AMBIGUOUS = "-"  # X_Real_IP must not pass for X-Real-IP
_keys: dict[str, str] = {}
_peers: dict[str, tuple[str, str]] = {}
_heads: dict[tuple[Any, ...], bytes] = {}


def serve(application: Application, stream_bodies: bool = False) -> None:
    """Serves the application until gw ends this worker.

    With `stream_bodies` a long body is read from the client by `wsgi.input`, as far as the application reads it. Without, gw
    receives it first: a slow client then costs no worker.
    """
    worker(application, stream_bodies).run()


def worker(application: Application, stream_bodies: bool = False) -> Worker:
    """A worker that answers requests by the application, one at a time. Processes do the rest: threads cost three times the CPU."""
    adapter = _Adapter(application)
    made = Worker(stream_bodies=stream_bodies)
    made.on_request(adapter.answer)
    return made


class _Adapter:
    def __init__(self, application: Application) -> None:
        self._application = application
        self._bases: dict[tuple[bytes, int], Environ] = {}
        self._listeners: dict[int, Environ] = {}

    def answer(self, request: Request) -> Any:
        start = _Start(request)
        return start.run(self._application(self._environ(request._message), start.response))

    def _environ(self, message: Message) -> Environ:
        _, sid, flags, lid, peer, method, path, query, block, body, *_ = message
        base = self._bases.get((block, lid))
        environ = self._base(block, lid) if base is None else base.copy()
        environ["REQUEST_METHOD"] = method
        # PEP 3333: the bytes of the path as latin-1.
        environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
        environ["QUERY_STRING"] = query.decode("latin-1")
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = _peers.get(peer) or _peer(peer)
        if flags & wire.BODY_FOLLOWS:
            environ["wsgi.input"] = BufferedReader(_Input(gateway._engine.open_upload(sid)), wire.CHUNK_BYTES)  # type: ignore[arg-type]
        elif flags & wire.BODY_IN_FILE:
            environ["wsgi.input"] = file = open(body, "rb")
            environ.setdefault("CONTENT_LENGTH", str(file.seek(0, 2)))
            file.seek(0)
        else:
            environ["wsgi.input"] = BytesIO(body)
            if body:
                environ.setdefault("CONTENT_LENGTH", str(len(body)))  # it came chunked
        if flags & _SPECIAL:
            if flags & wire.TLS:
                environ["wsgi.url_scheme"], environ["HTTPS"] = "https", "on"
            if flags & wire.HTTP_1_0:
                environ["SERVER_PROTOCOL"] = "HTTP/1.0"
            elif flags & wire.HTTP_2:
                environ["SERVER_PROTOCOL"] = "HTTP/2"
        return environ

    def _base(self, block: bytes, lid: int) -> Environ:
        """What follows from headers and listener alone; kept, since clients repeat their headers."""
        environ = (self._listeners.get(lid) or self._listener(lid)).copy()
        for name, value in parse_headers(block).items():
            key = _keys.get(name) or _key(name)
            if key != _AMBIGUOUS:
                environ[key] = value
        if len(block) <= _CACHED_BYTES:
            if len(self._bases) >= _CACHED_BLOCKS:
                self._bases.clear()
            self._bases[block, lid] = environ.copy()
        return environ

    def _listener(self, lid: int) -> Environ:
        name, port = _server(lid)
        environ = self._listeners[lid] = {
            "SCRIPT_NAME": "",
            "SERVER_NAME": name,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "gw",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
        }
        return environ


class _Input(RawIOBase):
    """wsgi.input of a body that the client is still sending."""

    def __init__(self, upload: BlockingUpload) -> None:
        self._upload = upload
        self._piece = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._piece or self._upload.next()
        size = min(len(piece), len(buffer))
        buffer[:size], self._piece = piece[:size], piece[size:]
        return size


class _Start:
    """start_response of one request."""

    __slots__ = ("_request", "_status", "_headers", "_stream")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._status = 0
        self._headers: list[tuple[str, str]] = []
        self._stream: BlockingStream | None = None  # once write() was called

    def response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self._stream is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333: avoid a circular reference
        elif self._status:
            raise AssertionError("start_response was called before")
        self._status = int(status[:3])
        self._headers = headers
        return self._write

    def run(self, body: Any) -> Any:
        """The answer for what the application returned."""
        if body.__class__ is list and len(body) == 1 and self._stream is None and self._status:
            return self._whole(body[0] if body[0].__class__ is bytes else encode_chunk(body[0]))
        if body.__class__ is FileWrapper and self._send_file(body):
            return WRITTEN
        chunks = _Chunks(body)
        try:
            first = next(chunks, b"")  # an application may call start_response as late as now
            if self._stream is None:
                if not self._status:
                    raise AssertionError("the application did not call start_response")
                if self._is_all(first, body):
                    chunks.close()
                    return self._whole(first)
                return Response.stream(_Chunks(chunks, first), self._status, self._checked())
            if first:
                self._write(first)
            for chunk in chunks:
                self._write(chunk)
            self._stream.end()
        except BaseException:
            chunks.close()
            raise
        chunks.close()
        return WRITTEN

    def _send_file(self, body: FileWrapper) -> bool:
        """Lets the gateway send a file that is sent from its beginning to its end."""
        path = body.path() if self._stream is None and self._status == 200 else None
        if path is None:
            return False
        size = str(os.stat(path).st_size)
        if any(name.lower() == "content-length" and value != size for name, value in self._headers):
            return False
        if not gateway._engine.send_file(self._request.id, self._head(), path):
            return False
        if hasattr(body, "close"):
            body.close()
        return True

    def _whole(self, body: bytes) -> Any:
        if len(body) > wire.BODY_BYTES:
            return whole(self._request.id, self._status, self._checked(), body)
        gateway._engine.put(pack_answer(self._request.id, self._head(), body))
        return WRITTEN

    def _is_all(self, first: bytes, body: Any) -> bool:
        if not first:
            return True
        try:
            if len(body) == 1:  # PEP 3333, "Handling the Content-Length Header"
                return True
        except TypeError:
            pass
        return any(name.lower() == "content-length" and value == str(len(first)) for name, value in self._headers)

    def _write(self, data: bytes) -> None:
        if self._stream is None:
            engine: BlockingEngine = gateway._engine  # type: ignore[assignment]
            stream = engine.open_stream(self._request.id)
            stream.start(self._head())
            self._stream = stream
        if self._request.method != "HEAD" and not self._stream.write(encode_chunk(data)):
            raise ClientGone("the client is gone")

    def _head(self) -> bytes:
        """Status and headers, packed; those of another answer when they are the same."""
        key = (self._status, *self._headers)
        try:
            head = _heads.get(key)
        except TypeError:  # a pair that is a list
            return pack_head(self._status, self._checked())
        if head is None:
            head = pack_head(self._status, self._checked())
            if len(head) <= _CACHED_BYTES:
                if len(_heads) >= _CACHED_BLOCKS:
                    _heads.clear()
                _heads[key] = head
        return head

    def _checked(self) -> list[Any]:
        for _, value in self._headers:
            if not value.isascii():
                # Native strings of WSGI hold bytes as latin-1.
                return [(name, value.encode("latin-1")) for name, value in self._headers]
        return self._headers


class _Chunks:
    """Iterates what the application returned, without empty chunks; closes it as PEP 3333 demands, even when never begun."""

    __slots__ = ("_first", "_next", "close")

    def __init__(self, body: Iterable[bytes], first: bytes = b"") -> None:
        self._first = first
        self._next = iter(body)
        self.close: Callable[[], Any] = getattr(body, "close", _nothing)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk, self._first = self._first, b""
        while not chunk:
            chunk = next(self._next)
        return chunk


class FileWrapper:
    """wsgi.file_wrapper."""

    def __init__(self, file: Any, block_size: int = wire.CHUNK_BYTES) -> None:
        self._file, self._block_size = file, block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self._file.read(self._block_size), b"")

    def path(self) -> str | None:
        """Where the file lies, if it is a plain one, still has its name, and was not read from."""
        file = self._file
        name = getattr(file, "name", None)
        if file.__class__ not in (BufferedReader, FileIO) or not isinstance(name, str):
            return None  # a NamedTemporaryFile is gone as soon as it is closed
        try:
            return name if file.tell() == 0 and os.path.samestat(os.stat(name), os.fstat(file.fileno())) else None
        except (OSError, ValueError):
            return None


def _key(name: str) -> str:
    """The key in the environ for a header, remembered: there are only so many."""
    key = name.upper().replace("-", "_")
    if "_" in name:
        key = _AMBIGUOUS
    elif key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = "HTTP_" + key
    if len(_keys) >= _CACHED_KEYS:
        _keys.clear()
    _keys[name] = key
    return key


def _peer(peer: str) -> tuple[str, str]:
    """Host and port of a client, remembered as long as it stays: a connection brings more than one request."""
    host, _, port = peer.rpartition(":")
    known = (host.strip("[]") if host[:1] == "[" else host) or peer, port
    if len(_peers) >= _CACHED_PEERS:
        _peers.clear()
    _peers[peer] = known
    return known


def _nothing() -> None:
    pass


def _server(lid: int) -> tuple[str, str]:
    """Name and port of a listener."""
    for number, _, _, address, *_ in gateway._engine.hello.listeners:
        if number == lid:
            host, _, port = address.rpartition(":")
            if port.isdecimal():
                return host.strip("[]") or "localhost", port
    return "localhost", "80"
