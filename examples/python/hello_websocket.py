"""WebSocket: "Tom" is answered with "Hello Tom". A plain request gets the page to try it with."""

from pathlib import Path

import gw

PAGE = Path(__file__).parent.parent / "websocket.html"

app = gw.Worker()


@app.on_request
def page(request):
    return gw.Response.html(PAGE.read_text())


@app.on_message
def hello(connection, data):
    connection.send("Hello " + data)


app.run()
