"""Answers with what it was given: METHOD TARGET HOST [LENGTH:BODY] [x-test=VALUE]. The recording handler of conformance/http1."""

import gw

app = gw.Worker()


@app.on_request
def record(request):
    text = f"{request.method} {request.target} {request.host or '-'}".encode("latin-1", "replace")
    if body := request.body:
        text += b" %d" % len(body)
        if len(body) <= 64:
            text += b":" + body
    if value := request.headers.get("x-test"):
        text += b" x-test=" + value.encode("latin-1", "replace")
    return gw.Response(200, {"content-type": "text/plain"}, text)


app.run()
