"""Answers with what the handler sees of a request, as JSON."""

import os

import gw

app = gw.Worker()


@app.on_request
def describe(request):
    return gw.Response.json({
        "method": request.method,
        "path": request.path,
        "target": request.target,
        "scheme": request.scheme,
        "host": request.host,
        "query": request.query.get("q", "none"),
        "header": request.headers.get("x-test", ""),
        "cookie": request.cookies.get("c", ""),
        "form": request.form.get("f", ""),
        "body": request.body.decode(),
        "id": request.id,
        "peer": request.peer,
        "headers": dict(request.headers),
        "pid": os.getpid(),
    })


app.run()
