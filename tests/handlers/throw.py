"""Throws when the path or the message is "throw"; else answers with its process id."""

import os

import gw

app = gw.Worker()


@app.on_request
def throw(request):
    if request.path == "/throw":
        raise RuntimeError("thrown on purpose")
    return str(os.getpid())


@app.on_message
def throw_or_answer(connection, data):
    if data == "throw":
        raise RuntimeError("thrown on purpose")
    connection.send(str(os.getpid()))


app.run()
