"""`python -m gw module:attribute`: runs a WSGI or ASGI application, or a gw.Worker, as a handler."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from inspect import signature

from ._callbacks import is_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gw", description=__doc__)
    parser.add_argument("application", metavar="module[:attribute]", help="attribute: app or application unless named")
    parser.add_argument("--factory", action="store_true", help="the attribute is a function that makes the application")
    parser.add_argument("--interface", choices=["auto", "wsgi", "asgi"], default="auto")
    parser.add_argument("--stream-bodies", action="store_true", help="WSGI: long bodies are read from the client, not received first")
    options = parser.parse_args()
    sys.path.insert(0, "")
    application = load(options.application)
    if options.factory:
        application = application()
    run(application, options.interface, options.stream_bodies)


def load(name: str) -> Any:
    """The application that `package.module:attribute.attribute` names."""
    module_name, _, path = name.partition(":")
    module = import_module(module_name)
    for attribute in [path] if path else ["app", "application"]:
        found: Any = module
        for part in attribute.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    raise SystemExit(f"gw: module {module_name!r} has no {path or 'app or application'}")


def run(application: Any, interface: str = "auto", stream_bodies: bool = False) -> None:
    from ._worker import Worker

    if isinstance(application, Worker):
        application.run()
    elif interface == "asgi" or interface == "auto" and is_asgi(application):
        from . import asgi

        asgi.serve(application)
    else:
        from . import wsgi

        wsgi.serve(application, stream_bodies)


def is_asgi(application: Any) -> bool:
    """ASGI applications are coroutine functions of (scope, receive, send); WSGI ones plain functions of (environ, start_response)."""
    if is_async(application):
        return True
    try:
        signature(application).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


if __name__ == "__main__":
    main()
