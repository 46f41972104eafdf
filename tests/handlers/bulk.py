"""On "N M" sends N messages of M bytes. Any other message comes back twice as long."""

import gw

app = gw.Worker()


@app.on_message
def bulk(connection, data):
    count, _, size = data[:32].partition(" ")
    if count.isdigit() and size.isdigit():
        for _ in range(int(count)):
            connection.send("x" * int(size))
        return
    connection.send(data + data)


app.run()
