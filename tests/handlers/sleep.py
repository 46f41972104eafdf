"""Sleeps ?ms= milliseconds, then answers with its process id."""

import os
import time

import gw

app = gw.Worker()


@app.on_request
def sleep(request):
    time.sleep(int(request.query.get("ms", "0")) / 1000)
    return str(os.getpid())


app.run()
