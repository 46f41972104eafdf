"""PUT: length and SHA-256 of the body, read as a stream; ?ms= sleeps so many after each piece, ?die= exits after so many bytes.
/refuse answers 403 and reads nothing, /gone counts clients that left in the middle, /pid."""

import hashlib
import os
import time

import gw

app = gw.Worker(stream_bodies=True)
gone = 0


@app.on_request
def upload(request):
    global gone
    if request.path == "/pid":
        return str(os.getpid())
    if request.path == "/gone":
        return str(gone)
    if request.path == "/refuse":
        return "refused", 403
    pause, die = float(request.query.get("ms", "0")) / 1000, int(request.query.get("die", "0"))
    digest, size = hashlib.sha256(), 0
    try:
        for piece in request.stream():
            digest.update(piece)
            size += len(piece)
            if die and size >= die:
                os._exit(3)
            if pause:
                time.sleep(pause)
    except gw.ClientGone:
        gone += 1
        raise
    return f"{size} {digest.hexdigest()}"


app.run()
