"""Keeps a name and a count of messages in the connection's session."""

import os

import gw

app = gw.Worker()


@app.on_message
def count(connection, data):
    if data.startswith("login "):
        connection.session["name"] = data[6:]
    connection.session["messages"] = connection.session.get("messages", 0) + 1
    name = connection.session.get("name", "nobody")
    connection.send(f"{name} {connection.session['messages']} {os.getpid()}")


app.run()
