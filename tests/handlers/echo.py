"""Sends every message back as it came; answers a request with its body."""

import gw

app = gw.Worker()


@app.on_request
def body(request):
    return gw.Response(200, {}, request.body)


@app.on_message
def echo(connection, data):
    connection.send(data)


app.run()
