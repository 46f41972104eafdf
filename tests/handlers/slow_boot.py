"""Needs one and a half seconds until it is ready."""

import os
import time

import gw

time.sleep(1.5)
app = gw.Worker()


@app.on_request
def pid(request):
    return str(os.getpid())


app.run()
