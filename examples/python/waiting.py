"""async def: one worker has many requests under way while each of them waits."""

import asyncio

import gw

app = gw.Worker()


@app.on_request
async def wait(request):
    await asyncio.sleep(1)
    return "waited"


@app.on_message
async def greet(connection, data):
    await asyncio.sleep(0.1)
    await connection.send("Hello " + data)


app.run()
