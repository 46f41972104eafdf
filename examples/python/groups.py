"""A connection joins the group of its path; what it says goes to the others there. "@Tom ..." goes to Tom alone."""

import re

import gw
from gw import gateway

app = gw.Worker()


@app.on_connect
def enter(connection):
    connection.join(connection.path)                                         # /kitchen
    people = gateway.count(connection.path)
    gateway.publish(connection.path, f"now there are {people}")


@app.on_message
def talk(connection, data):
    if match := re.fullmatch(r"I am (\w+)", data):
        connection.bind(match[1])                                            # a user id, on any number of connections
    elif match := re.fullmatch(r"@(\w+) (.+)", data):
        gateway.send_to_uid(match[1], match[2])
    else:
        gateway.publish(connection.path, data, exclude=[connection.id])


@app.on_close
def leave(connection, code, reason):
    gateway.publish(connection.path, "somebody left")


app.run()
