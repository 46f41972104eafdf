"""POST: length and SHA-256 of the body. GET: ?bytes= bytes of a pattern."""

import hashlib

import gw

app = gw.Worker()


@app.on_request
def bodies(request):
    if request.method == "POST":
        return f"{len(request.body)} {hashlib.sha256(request.body).hexdigest()}"
    return b"0123456789abcdef" * (int(request.query.get("bytes", "0")) // 16)


app.run()
