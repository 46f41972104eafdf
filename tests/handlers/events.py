"""Greets a new connection, tells those who said "watch" how others leave."""

import gw

app = gw.Worker()


@app.on_connect
def welcome(connection):
    connection.send(f"welcome to {connection.kind} {connection.path}")


@app.on_message
def hear(connection, data):
    if data == "watch":
        connection.join("watchers")
    elif data.startswith("close "):
        connection.close(int(data[6:]), "as you wish")
    else:
        connection.session["last"] = data
    connection.send(f"heard {data}")


@app.on_close
def tell(connection, code, reason):
    last = connection.session.get("last", "nothing")
    gw.gateway.publish("watchers", f"closed {code} {reason} after {last}")


app.run()
