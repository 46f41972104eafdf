"""Ends in the way that ?how= or a message "die HOW N" names; counts the attempts in a file. Else answers with what it got."""

import ctypes
import os
import resource
import signal

import gw

app = gw.Worker()


def end_by(how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(1)
    elif how == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))
        kept = []
        while True:
            kept.append(bytes(1 << 20))


def note(attempt):
    with open("attempts", "a", encoding="ascii") as attempts:
        attempts.write(attempt + "\n")


@app.on_request
def request(request):
    how = request.query.get("how", "")
    if how:
        note(f"{request.method} {how}")
        end_by(how)
    return "alive"


@app.on_message
def message(connection, data):
    if isinstance(data, bytes):  # a datagram
        data = data.decode()
    if data.startswith("die "):
        note(data)
        end_by(data.split(" ")[1])
    connection.send(data)


app.run()
