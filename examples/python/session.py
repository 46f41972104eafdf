"""A session lives as long as the connection, whichever worker handles it and however often you reload."""

import gw

app = gw.Worker()


@app.on_message
def talk(connection, data):
    if "name" not in connection.session:
        connection.session["name"] = data
        connection.send(f"Welcome, {data}")
        return
    connection.send(f"{connection.session['name']} said {data}")


app.run()
