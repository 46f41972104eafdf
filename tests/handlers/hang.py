"""Never answers /hang; answers everything else with its process id."""

import os
import time

import gw

app = gw.Worker()


@app.on_request
def hang(request):
    while request.path == "/hang":
        time.sleep(3600)
    return str(os.getpid())


@app.on_message
def echo(connection, data):
    while data == "hang":
        time.sleep(3600)
    connection.send(data)


app.run()
