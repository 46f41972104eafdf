"""Loads well, says that it is ready, and ends in its first moment."""

import os
import sys

import gw

app = gw.Worker()


@app.on_request
def never(request):
    return "never said"


@app.every(0.001)
def end():
    print("dies_when_ready: the cache went away", file=sys.stderr, flush=True)
    os._exit(1)


app.run()
