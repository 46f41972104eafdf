"""Every kind of answer."""

import gw

app = gw.Worker()


@app.on_request
def answer(request):
    pages = {
        "/text": lambda: "a str becomes text/plain, or text/html when it begins with <",
        "/json": lambda: {"a": "dict or list becomes JSON"},
        "/page": lambda: gw.Response.html("<h1>Hello</h1>"),
        "/old": lambda: gw.Response.redirect("/page"),
        "/made": lambda: gw.Response(201, {"location": "/things/1", "set-cookie": ["a=1", "b=2"]}, "made"),
        "/report": lambda: gw.Response.stream(rows()),
        "/news": lambda: gw.Response.events(news()),
    }
    make = pages.get(request.path)
    return make() if make else gw.Response(404, {}, "no such page")


def rows():
    """Each piece goes out when it is yielded; a slow client slows the loop down."""
    for row in range(1, 1001):
        yield f"row {row}\n"


def news():
    """Server-sent events, for EventSource in a browser."""
    yield "a str is the data of an event"
    yield {"event": "price", "id": 7, "data": "42"}


app.run()
