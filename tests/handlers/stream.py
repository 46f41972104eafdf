"""Streams: ?chunks= pieces of ?size= bytes; /events as server-sent events; /cut breaks off in the middle."""

import os

import gw

app = gw.Worker()


def pieces(chunks, size):
    for i in range(chunks):
        yield bytes([97 + i % 26]) * size


def cut():
    yield b"the beginning"
    raise RuntimeError("cut off on purpose")


def numbers():
    for number in (1, 2, 3):
        yield {"event": "number", "id": number, "data": f"number {number}"}


@app.on_request
def stream(request):
    if request.path == "/events":
        return gw.Response.events(numbers())
    if request.path == "/cut":
        return gw.Response.stream(cut())
    if request.path == "/pid":
        return str(os.getpid())
    return gw.Response.stream(pieces(int(request.query.get("chunks", "3")), int(request.query.get("size", "1000"))))


app.run()
