"""Server-sent events that a handler makes one by one: the progress of its work."""

import time

import gw

app = gw.Worker()


@app.on_request
def progress(request):
    return gw.Response.events(work(int(request.query.get("steps", "5"))))


def work(steps):
    try:
        for step in range(1, steps + 1):
            time.sleep(0.1)                                         # the work
            yield gw.Event({"done": step, "of": steps}, event="progress", id=step)
        yield gw.Event("all done", event="end")
    finally:
        pass                                                        # runs also when the client left in the middle


app.run()
