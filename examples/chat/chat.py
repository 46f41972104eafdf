"""The chat room in Python. chat.php is the same in PHP; both work on the group "room" of the gateway,
so people who came through either of them see each other."""

import json
import os
import time
from pathlib import Path

import gw
from gw import gateway
from history import History

ROOM = "room"
LONGEST_NAME = 30
LONGEST_TEXT = 2000

history = History(os.environ.get("CHAT_HISTORY") or Path(__file__).parent / "history.jsonl")
app = gw.Worker()


@app.on_message
def receive(connection, data):
    message = decode(data)
    if message.get("type") == "login":
        login(connection, str(message.get("name", "")).strip())
    elif message.get("type") == "say":
        say(connection, str(message.get("text", "")), str(message.get("id", "")))
    else:
        connection.send(encode({"type": "error", "text": "unknown message"}))


@app.on_close
def leave(connection, code, reason):
    name = connection.session.get("name")
    if name and not gateway.is_online(name):
        gateway.publish(ROOM, encode({"type": "leave", "name": name, "via": "Python"}))


def login(connection, name):
    if not 1 <= len(name) <= LONGEST_NAME:
        connection.send(encode({"type": "error", "text": "a name has 1 to 30 characters"}))
        return
    arrives = not gateway.is_online(name)
    connection.session["name"] = name
    connection.bind(name)
    # First into the room, then the history: a message said in between comes twice rather than never,
    # and the page shows each id once.
    connection.join(ROOM)
    connection.send(encode({"type": "welcome", "name": name, "via": "Python", "history": history.last()}))
    if arrives:
        gateway.publish(ROOM, encode({"type": "join", "name": name, "via": "Python"}))


def say(connection, text, message_id):
    name = connection.session.get("name")
    if not name or not 1 <= len(text) <= LONGEST_TEXT:
        connection.send(encode({"type": "error", "text": "log in first, then say 1 to 2000 characters"}))
        return
    message = {"type": "say", "id": message_id, "name": name, "via": "Python", "text": text, "at": int(time.time())}
    history.append(message)
    gateway.publish(ROOM, encode(message))


def encode(message):
    return json.dumps(message, ensure_ascii=False)


def decode(data):
    try:
        message = json.loads(data)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


app.run()
