"""Works on a message for as many milliseconds as it says, then sends it back."""

import time

import gw

app = gw.Worker()


@app.on_message
def work(connection, data):
    time.sleep(int(data) / 1000)
    connection.send(data)


app.run()
