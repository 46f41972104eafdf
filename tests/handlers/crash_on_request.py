"""Dies by SIGKILL in the middle of a request for /crash; counts the attempts in a file."""

import os
import signal

import gw

app = gw.Worker()


@app.on_request
def crash(request):
    if request.path == "/crash":
        with open("attempts", "a", encoding="ascii") as attempts:
            attempts.write(request.method + "\n")
        os.kill(os.getpid(), signal.SIGKILL)
    return str(os.getpid())


@app.on_message
def echo(connection, data):
    connection.send(data)


app.run()
