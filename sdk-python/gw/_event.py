"""Server-sent events: their text, and the stream of them that needs no worker.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from ._packing import pack_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator
    from typing import Any, Union

    Events = Union[Iterable[Any], AsyncIterable[Any]]

_FIELDS = {"event", "id", "retry", "data", "comment"}


class Event:
    """A server-sent event: yield it from `Response.events`, or send it to connections. A WebSocket and its kin get the data alone.

    `data` that is no text becomes JSON. `retry` is in milliseconds. A `comment` alone is no event, but keeps the stream alive.
    """

    __slots__ = ("data", "event", "id", "retry", "comment")

    def __init__(self, data: Any = None, event: str | None = None, id: str | int | None = None, retry: int | None = None,
                 comment: str | None = None) -> None:
        self.data, self.event, self.id, self.retry, self.comment = data, event, id, retry, comment

    def __repr__(self) -> str:
        return f"<Event {self.event or 'message'} {self.data!r}>"

    def encode(self) -> bytes:
        """The event as the stream has it. Raises ValueError."""
        lines = [] if self.comment is None else [": " + line for line in _lines(self.comment)]
        for name, value in (("event", self.event), ("id", self.id), ("retry", self.retry)):
            if value is not None:
                lines.append(f"{name}: {_line(name, value)}")
        if self.data is not None:
            lines += ["data: " + line for line in _lines(self.data if isinstance(self.data, str) else _json(self.data))]
        if not lines:
            raise ValueError("an event with nothing in it: give it data, or a comment")
        return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape")


class Subscription:
    """What becomes of the client of an event stream: an answer that goes on without its worker."""

    __slots__ = ("_groups", "_uid", "_session", "_first")

    def __init__(self, groups: list[str], uid: str, session: bytes, first: bytes) -> None:
        self._groups, self._uid, self._session, self._first = groups, uid, session, first

    def message(self, sid: int, head: bytes) -> bytes:
        """The message EVENTS."""
        if self._groups or self._uid or self._session:
            return pack_events(sid, head, self._first, self._session, self._uid, self._groups)
        return pack_events(sid, head, self._first)


def subscription(join: Iterable[str], uid: str, session: dict[str, Any] | None, first: Any) -> Subscription:
    """Raises TypeError or ValueError."""
    from ._connection import check_group, pack_session

    if isinstance(join, str):
        join = [join]
    packed = pack_session(session, "the session of an event stream") if session else b""
    return Subscription([check_group(group) for group in join], str(uid), packed, b"".join(map(format_event, first)))


def format_event(event: Any) -> bytes:
    """One event of an iterable: an Event, a text, a dict of its fields, or bytes as they are."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, Event):
        return event.encode()
    if isinstance(event, dict) and event.keys() <= _FIELDS:
        return Event(**event).encode()
    return Event(event).encode()


def format_events(events: Any) -> Events:
    if hasattr(events, "__aiter__"):
        return _format_each(events)
    return _format_all(events)


def _format_all(events: Iterable[Any]) -> Iterator[bytes]:
    try:
        for event in events:
            yield format_event(event)
    finally:
        if hasattr(events, "close"):
            events.close()


async def _format_each(events: AsyncIterable[Any]) -> AsyncIterable[bytes]:
    try:
        async for event in events:
            yield format_event(event)
    finally:
        if hasattr(events, "aclose"):
            await events.aclose()


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _line(name: str, value: Any) -> str:
    text = str(value)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError(f"line end or NUL in the {name} of an event: {text!r}")
    if name == "retry" and not text.isdecimal():
        raise ValueError(f"retry of an event: {text!r} is no number of milliseconds")
    return text


def _json(value: Any) -> str:
    from ._response import encode_json

    return encode_json(value).decode()
