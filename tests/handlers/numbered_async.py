"""As numbered.py, in coroutines: many requests and messages under way in each worker."""

import asyncio
import os

import gw

app = gw.Worker()


@app.on_request
async def number(request):
    await asyncio.sleep(0.005)
    return f"{request.query.get('n', '')} {os.getpid()}"


@app.on_message
async def echo(connection, data):
    await asyncio.sleep(0.001)
    await connection.send(data)


app.run()
