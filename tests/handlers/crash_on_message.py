"""Dies by SIGKILL in the middle of the message "crash"; counts the attempts in a file."""

import os
import signal

import gw

app = gw.Worker()


@app.on_message
def crash(connection, data):
    if data == "crash":
        with open("attempts", "a", encoding="ascii") as attempts:
            attempts.write("crash\n")
        os.kill(os.getpid(), signal.SIGKILL)
    connection.send(data)


app.run()
