"""Answers with the query argument and the header that differ from request to request."""

import gw

app = gw.Worker()


@app.on_request
def vary(request):
    return gw.Response(200, {}, request.query["n"] + " " + request.headers["x-visit"])


app.run()
