"""Decides who may open a WebSocket, before it is open: try /?token=secret with the subprotocols chat.v1 and chat.v2."""

import gw

app = gw.Worker()


@app.on_handshake
def let_in(request):
    if request.query.get("token") != "secret":
        return gw.Response(401, {}, "Who are you?\n")
    return gw.Accept(
        subprotocol="chat.v2" if "chat.v2" in request.subprotocols else None,  # None: gw chooses
        headers={"set-cookie": "seen=1"},
        session={"name": "Tom"},  # there from the first event on
        uid="user-7",
        groups=["lobby"],
    )


@app.on_message
def talk(connection, data):
    gw.gateway.publish("lobby", f"{connection.session['name']} ({connection.uid}): {data}")


app.run()
