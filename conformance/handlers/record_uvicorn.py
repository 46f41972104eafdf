"""uvicorn as the recording handler of conformance/http1."""

import os

import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    if scope["method"] in ("CONNECT", "TRACE"):  # what every application should do
        head = [(b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 405, "headers": head})
        await send({"type": "http.response.body"})
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    fields = {}
    for name, value in scope["headers"]:
        fields[name] = fields[name] + b", " + value if name in fields else value
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    text = scope["method"].encode() + b" " + target + b" " + (fields.get(b"host") or b"-")
    if body:
        text += b" %d" % len(body)
        if len(body) <= 64:
            text += b":" + body
    if fields.get(b"x-test"):
        text += b" x-test=" + fields[b"x-test"]
    head = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": text})


host, port = os.environ["ADDRESS"].rsplit(":", 1)
uvicorn.run(app, host=host, port=int(port), http="h11", log_level="error", timeout_keep_alive=30)
