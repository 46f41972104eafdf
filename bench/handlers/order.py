"""Takes an order of 1 KiB of JSON, answers with its summary."""

import gw

from summary import summary

app = gw.Worker()


@app.on_request
def order(request):
    if request.path != "/json":
        return gw.Response(404, {}, "no such page")
    body = summary(request.body, request.query["channel"], request.headers["x-visit"])
    return gw.Response(200, {"content-type": "application/json"}, body)


app.run()
