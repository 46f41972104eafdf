"""Answers, echoes, and fails in every way, by path or message; async when GW_TEST_ASYNC is set."""

import functools
import os
import subprocess
import sys

import gw

app = gw.Worker()


def callback(function):
    if "GW_TEST_ASYNC" not in os.environ:
        return function

    @functools.wraps(function)
    async def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@app.on_request
@callback
def index(request):
    if request.path == "/print":
        print("printed")
        os.write(1, b"written to descriptor 1\n")
        return subprocess.run([sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"], capture_output=True).stdout
    if request.path == "/fail":
        raise RuntimeError("on purpose")
    if request.path == "/exit":
        sys.exit(5)
    return request.path


@app.on_message
@callback
def echo(connection, data):
    connection.send(data)


@app.on_stop
@callback
def stop():
    print("stopped")


app.run()
