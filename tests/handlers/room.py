"""Groups and user ids by command: join, leave, publish, bind, whisper, count, online, broadcast."""

import json

import gw

app = gw.Worker()


def act(connection, verb, name, text):
    if verb == "join":
        connection.join(name)
    elif verb == "leave":
        connection.leave(name)
    elif verb == "publish":
        gw.gateway.publish(name, text)
    elif verb == "others":
        gw.gateway.publish(name, text, exclude=[connection.id])
    elif verb == "bind":
        connection.bind(name)
    elif verb == "whisper":
        gw.gateway.send_to_uid(name, text)
    elif verb == "broadcast":
        gw.gateway.broadcast(name)


@app.on_message
def command(connection, data):
    verb, name, text = (data.split(" ", 2) + ["", ""])[:3]
    act(connection, verb, name, text)
    if verb == "count":
        connection.send(f"count {gw.gateway.count(name)}")
    elif verb == "online":
        connection.send(f"online {json.dumps(gw.gateway.is_online(name))}")
    else:
        connection.send(f"done {verb}")


@app.on_request
def publish(request):
    gw.gateway.publish(request.query["group"], request.body.decode())
    return "published"


app.run()
