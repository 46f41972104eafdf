"""Sends every message back, WebSocket or line."""

import gw

app = gw.Worker()


@app.on_message
def echo(connection, data):
    connection.send(data)


app.run()
