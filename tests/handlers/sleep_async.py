"""Sleeps ?ms= milliseconds without holding up other requests."""

import asyncio
import os

import gw

app = gw.Worker()


@app.on_request
async def sleep(request):
    await asyncio.sleep(int(request.query.get("ms", "0")) / 1000)
    return str(os.getpid())


app.run()
