"""Answers a request with its ?n= and the process id; a message with itself."""

import os
import time

import gw

time.sleep(float(os.environ.get("BOOT_SECONDS", "0")))
app = gw.Worker()


@app.on_request
def number(request):
    time.sleep(0.001)
    return f"{request.query.get('n', '')} {os.getpid()}"


@app.on_message
def echo(connection, data):
    time.sleep(0.0001)
    connection.send(data)


app.run()
