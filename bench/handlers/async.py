"""hello, exchange and echo in one program, by callbacks of asyncio."""

import gw

app = gw.Worker()


@app.on_request
async def answer(request):
    if request.path == "/":
        return gw.Response(200, {}, "Hello, World!")
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "vary": "accept-encoding",
        "x-powered-by": "gw",
    }
    return gw.Response(200, headers, request.body if "x-request-id" in request.headers else "")


@app.on_message
async def echo(connection, data):
    await connection.send(data)


app.run()
