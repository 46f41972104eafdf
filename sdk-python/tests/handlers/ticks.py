"""Broadcasts a tick every few milliseconds; the second timer fails each time. Async when GW_TEST_ASYNC is set."""

import os

import gw

app = gw.Worker()


def tick():
    gw.gateway.broadcast("tick")


async def async_tick():
    tick()


app.every(0.005)(async_tick if "GW_TEST_ASYNC" in os.environ else tick)


@app.every(0.005)
def fail():
    raise RuntimeError("on purpose")


@app.on_request
def index(request):
    return "answered"


app.run()
