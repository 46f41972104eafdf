"""The same as echo.py on an event loop: /hang blocks all of it, /hang?await=1 only its own request."""

import asyncio
import os
import sys
import time
import zlib

import gw

with open("version", encoding="ascii") as file:
    VERSION = file.read().strip()

app = gw.Worker()


async def big(head, size):
    yield head
    for at in range(0, size, 8192):
        yield chr(97 + at // 8192 % 26) * min(8192, size - at)


def upload(request):
    if request.body_file is None:
        return f"{len(request.body)} {zlib.crc32(request.body):08x}"
    crc = 0
    with open(request.body_file, "rb") as body:
        while piece := body.read(1 << 16):
            crc = zlib.crc32(piece, crc)
        return f"{body.tell()} {crc:08x}"


@app.on_request
async def answer(request):
    head = f"{request.query.get('token', '')} {VERSION}\n"
    if nap := int(request.query.get("nap", "0")):
        await asyncio.sleep(nap / 1000)
    what = os.path.basename(request.path)
    while what == "hang":
        if "await" in request.query:
            await asyncio.sleep(3600)
        time.sleep(3600)
    if what == "exit":
        sys.exit(1)
    if what == "big":
        return gw.Response.stream(big(head, int(request.query["size"])))
    if what == "whole":
        return head + "a" * int(request.query["size"])
    if what == "upload":
        return head + upload(request)
    return head.encode() + request.body


@app.on_message
async def echo(connection, data):
    while data in ("hang", b"hang"):
        await asyncio.sleep(3600)
    if (" nap " if isinstance(data, str) else b" nap ") in data[:16]:
        await asyncio.sleep(0.015)
    await connection.send(data)


app.run()
