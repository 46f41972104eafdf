"""The page that a failed request shows in debug mode."""

from __future__ import annotations

from html import escape
from traceback import format_exception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._request import Request

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px system-ui,sans-serif;margin:3rem auto;max-width:60rem;padding:0 1rem}}
pre{{background:#f6f6f6;border-left:4px solid #c33;overflow:auto;padding:1rem}}</style>
<h1>{title}</h1>
<p>Request {id}: {method} {target}</p>
<pre>{trace}</pre>
<p>You see this page because gw runs in debug mode.</p>
</html>
"""


def render(request: Request, error: BaseException) -> str:
    return _PAGE.format(
        title=escape(f"{type(error).__name__}: {error}"),
        id=request.id,
        method=escape(request.method),
        target=escape(request.target),
        trace=escape("".join(format_exception(type(error), error, error.__traceback__))),
    )
