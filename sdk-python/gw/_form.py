"""HTML forms: urlencoded, and multipart (RFC 7578) without copying the files in it."""

from __future__ import annotations

import re

from ._mapping import MultiMap
from ._request import BadRequest, parse_query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap
    from typing import Union

    Buffer = Union[bytes, mmap]

_PARAMETER = re.compile(r';\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))')
_PART_HEADERS_BYTES = 16 * 1024
_PARTS = 10_000  # a form of more parts is an attack on the parser


class Upload:
    """A file of a multipart form. Its bytes stay where they are until they are read: do that before the request is answered."""

    __slots__ = ("name", "type", "_buffer", "_start", "_end")

    def __init__(self, name: str, kind: str, buffer: Buffer, start: int, end: int) -> None:
        self.name = re.split(r"[/\\]", name)[-1]  # the client's name for it, without folders; not to be trusted
        self.type = kind  # media type, as the client says
        self._buffer, self._start, self._end = buffer, start, end

    def __repr__(self) -> str:
        return f"<Upload {self.name!r} {self.size} bytes>"

    @property
    def size(self) -> int:
        return self._end - self._start

    def read(self) -> bytes:
        return self._buffer[self._start : self._end]

    def save(self, path: str) -> None:
        """Writes the file, 1 MiB at a time."""
        with open(path, "wb") as file:
            for at in range(self._start, self._end, 1 << 20):
                file.write(self._buffer[at : min(at + (1 << 20), self._end)])


def parse_form(content_type: str, body: bytes, path: str | None) -> tuple[MultiMap, MultiMap]:
    """Fields and files. `body` counts unless `path` names the file that holds it. Raises BadRequest."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        if path is not None:
            with open(path, "rb") as file:
                body = file.read()
        return parse_query(body), MultiMap()
    if kind == "multipart/form-data":
        boundary = _parameters(content_type).get("boundary", "")
        if not 0 < len(boundary) <= 70:  # RFC 2046 5.1.1
            raise BadRequest("multipart form without a boundary")
        return _parse_multipart(boundary.encode("latin-1"), body if path is None else _map(path))
    return MultiMap(), MultiMap()


def _map(path: str) -> Buffer:
    import mmap

    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parse_multipart(boundary: bytes, body: Buffer) -> tuple[MultiMap, MultiMap]:
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, Upload]] = []
    for start, end in _parts(boundary, body):
        blank = body.find(b"\r\n\r\n", start, min(end, start + _PART_HEADERS_BYTES))
        if blank < 0:
            raise BadRequest("multipart part without an end of its headers")
        headers = {}
        for line in body[start + 2 : blank].decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        disposition = _parameters(headers.get("content-disposition", ""))
        if "name" not in disposition:
            raise BadRequest("multipart part without a name")
        blank += 4
        if "filename" in disposition:
            upload = Upload(disposition["filename"], headers.get("content-type", "application/octet-stream"), body, blank, end)
            files.append((disposition["name"], upload))
        else:
            fields.append((disposition["name"], body[blank:end].decode("utf-8", "replace")))
    return MultiMap(fields), MultiMap(files)


def _parts(boundary: bytes, body: Buffer) -> Iterator[tuple[int, int]]:
    """Start and end of each part; a part starts with the line end behind its delimiter."""
    delimiter = b"\r\n--" + boundary
    if body[: len(delimiter) - 2] == delimiter[2:]:
        at = len(delimiter) - 2
    else:
        at = body.find(delimiter) + len(delimiter)
        if at < len(delimiter):
            raise BadRequest("multipart form without its boundary")
    for _ in range(_PARTS):
        if body[at : at + 2] == b"--":
            return
        line = body.find(b"\r\n", at)
        if line < 0 or body[at:line].strip(b" \t"):
            raise BadRequest("malformed multipart delimiter")
        end = body.find(delimiter, line)
        if end < 0:
            raise BadRequest("multipart form without an end")
        yield line, end
        at = end + len(delimiter)
    raise BadRequest(f"multipart form of more than {_PARTS} parts")


def _parameters(header: str) -> dict[str, str]:
    """Parameters of a header value. Browsers escape only the quote, as %22 (the HTML standard), some clients with a backslash."""
    return {
        name.lower(): re.sub(r"\\([\"\\])", r"\1", quoted).replace("%22", '"') if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(header)
    }
