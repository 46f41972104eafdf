"""UDP: every datagram is sent back to where it came from."""

import gw

app = gw.Worker()


@app.on_message
def echo(connection, data):
    connection.send(data)  # connection.kind is udp, connection.peer the sender, data is bytes


app.run()
