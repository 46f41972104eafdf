"""Start, stop and a timer: everybody hears a tick once a second."""

import os
import sys

import gw

app = gw.Worker()


@app.on_start
def start():
    print("open the database here, worker", os.getpid(), file=sys.stderr)


@app.every(1.0)
def tick():
    gw.gateway.broadcast("tick")


@app.on_stop
def stop():
    print("close the database here", file=sys.stderr)


app.run()
