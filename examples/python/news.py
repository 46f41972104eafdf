"""An event stream without a worker behind it: GET /news listens, POST /news tells everybody."""

import time

import gw
from gw import gateway

app = gw.Worker()

PAGE = """<!doctype html><title>News</title><ul id=news></ul>
<script>
const news = new EventSource("/news");
news.onmessage = e => document.getElementById("news").append(Object.assign(document.createElement("li"), {textContent: e.data}));
</script>"""


@app.on_request
def news(request):
    if request.path != "/news":
        return PAGE
    if request.method == "POST":
        event = gw.Event(request.body.decode(), id=int(time.time() * 1000))
        gateway.publish("news", event)                          # a WebSocket in this group gets the text
        return "told"
    missed = request.headers.get("last-event-id")               # a browser that was away says what it saw last
    welcome = gw.Event("welcome back" if missed else "welcome", retry=1000)
    return gw.Response.events(join=["news"], first=[welcome])   # the answer goes on, this worker does not


app.run()
