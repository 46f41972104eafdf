"""uvicorn as an echo server."""

import os

import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})


host, _, port = os.environ["ADDRESS"].rpartition(":")
uvicorn.run(app, host=host, port=int(port), log_level="warning", ws_max_size=64 << 20)
