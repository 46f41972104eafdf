"""Sleeps ?ms= milliseconds in a coroutine, then dies if ?die= says so; counts the attempts in a file."""

import asyncio
import os
import signal

import gw

app = gw.Worker()


@app.on_request
async def sleep(request):
    await asyncio.sleep(int(request.query.get("ms", "0")) / 1000)
    if request.query.get("die"):
        with open("attempts", "a", encoding="ascii") as attempts:
            attempts.write("die\n")
        os.kill(os.getpid(), signal.SIGKILL)
    return str(os.getpid())


app.run()
