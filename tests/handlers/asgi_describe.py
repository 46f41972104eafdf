"""ASGI: answers with who the client is, as JSON; a WebSocket is told at its beginning."""

import json


def said(scope):
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return json.dumps({"peer": scope["client"][0], "scheme": scope["scheme"], "host": headers["host"], "forwarded": headers.get("x-forwarded-for", "")})


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": said(scope).encode()})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": said(scope)})
        await receive()
