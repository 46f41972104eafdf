"""Text protocol, one message per line: "Tom" is answered with "Hello Tom"."""

import gw

app = gw.Worker()


@app.on_message
def hello(connection, data):
    connection.send("Hello " + data)


app.run()
