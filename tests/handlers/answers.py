"""One kind of answer per path."""

import gw

app = gw.Worker()


@app.on_request
def answer(request):
    if request.path == "/text":
        return "plain text"
    if request.path == "/array":
        return {"name": "Tom", "list": [1, 2]}
    if request.path == "/html":
        return gw.Response.html("<p>hello</p>")
    if request.path == "/redirect":
        return gw.Response.redirect("/text")
    if request.path == "/empty":
        return gw.Response(204)
    if request.path == "/teapot":
        return gw.Response(418, {"x-kind": "pot", "set-cookie": ["a=1", "b=2"]}, "short and stout")
    return gw.Response(404, {}, "no such page")


app.run()
