"""The scenarios as an ASGI application, for gw and the servers of Python alike."""

from urllib.parse import parse_qs

from summary import summary

EXCHANGE = [(b"cache-control", b"no-store"), (b"x-frame-options", b"DENY"), (b"vary", b"accept-encoding"), (b"x-powered-by", b"gw")]


async def app(scope, receive, send):
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await echo(receive, send)
    else:
        await lifespan(receive, send)


async def http(scope, receive, send):
    more = []
    if scope["path"] == "/json":
        body, kind = await priced(scope, receive), b"application/json"
    elif scope["path"] == "/vary":
        body, kind = f"{argument(scope, 'n')} {visit(scope)}".encode(), b"text/plain"
    elif scope["path"].startswith("/exchange/"):
        body, kind, more = await whole(receive), b"application/json", EXCHANGE
        visit(scope, b"x-request-id")
    else:
        body, kind = b"Hello, World!", b"text/plain"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def priced(scope, receive):
    return summary(await whole(receive), argument(scope, "channel"), visit(scope))


async def whole(receive):
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def argument(scope, name):
    return parse_qs(scope["query_string"].decode())[name][0]


def visit(scope, header=b"x-visit"):
    return next(value for name, value in scope["headers"] if name == header).decode()


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": message["text"]})


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
