"""The same with async def: one worker reads many uploads at once."""

import hashlib

import gw

app = gw.Worker(stream_bodies=True)


@app.on_request
async def upload(request):
    digest, size = hashlib.sha256(), 0
    try:
        async for piece in request.stream():
            digest.update(piece)
            size += len(piece)
    except gw.ClientGone:
        print("left after", size, "bytes")      # remove what was begun; nobody waits for an answer
        raise
    return {"bytes": size, "sha256": digest.hexdigest()}


app.run()
