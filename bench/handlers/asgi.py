"""The scenarios as an ASGI application, for gw and the servers of Python alike."""

from urllib.parse import parse_qs

from summary import summary


async def app(scope, receive, send):
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await echo(receive, send)
    else:
        await lifespan(receive, send)


async def http(scope, receive, send):
    if scope["path"] == "/json":
        body, kind = await priced(scope, receive), b"application/json"
    elif scope["path"] == "/vary":
        body, kind = f"{argument(scope, 'n')} {visit(scope)}".encode(), b"text/plain"
    else:
        body, kind = b"Hello, World!", b"text/plain"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def priced(scope, receive):
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return summary(b"".join(parts), argument(scope, "channel"), visit(scope))


def argument(scope, name):
    return parse_qs(scope["query_string"].decode())[name][0]


def visit(scope):
    return next(value for name, value in scope["headers"] if name == b"x-visit").decode()


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
