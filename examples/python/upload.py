"""Uploads as streams: no body is ever kept as a whole, however long it is."""

import hashlib

import gw

app = gw.Worker(stream_bodies=True)


@app.on_request
def upload(request):
    if request.method != "PUT":
        return "send me something: curl -T file http://localhost:8080/", 405    # a long body is never sent
    digest, size = hashlib.sha256(), 0
    for piece in request.stream():                                              # the client sends as fast as this loop reads
        digest.update(piece)
        size += len(piece)
    return {"bytes": size, "sha256": digest.hexdigest()}


app.run()
