"""Speaks the protocol by hand, and breaks it in the way that the path of a request names."""

import os
import struct
import subprocess
import sys
import time

from gw._codec import pack
from gw._wire import ACK, READY, REQ, RES, RES_CHUNK, RES_START, SEND, FrameDecoder, frame


def say(*messages):
    view = memoryview(frame([pack(message) for message in messages]))
    while view:
        view = view[os.write(4, view) :]


def answer(sid, body, headers=()):
    say([RES, sid, 200, dict(headers), body], [ACK, 1])


def hold(sid):
    with open("held.new", "w", encoding="ascii") as held:
        held.write(str(sid))
    os.rename("held.new", "held")
    while not os.path.exists("release"):
        time.sleep(0.01)
    answer(sid, b"mine")


def steal(sid):
    with open("held", encoding="ascii") as held:
        other = int(held.read())
    say([RES, other, 200, {}, b"stolen"])


def family(sid, session):
    subprocess.Popen(["sleep", "3"], pass_fds=(3, 4), start_new_session=session)
    os._exit(1)


def flood(sid):
    line = b"x" * 99 + b"\n"
    for _ in range(2000):
        os.write(1, line * 100)
        os.write(2, line * 100)
    answer(sid, b"flooded")


WAYS = {
    "/hold": hold,
    "/steal": steal,
    "/garbage": lambda sid: os.write(4, os.urandom(64) + bytes(range(256))),
    "/text": lambda sid: os.write(4, b"Notice: Undefined variable $name in index.php\n"),
    "/huge": lambda sid: os.write(4, struct.pack(">I", 0x00FFFFFF)),
    "/empty": lambda sid: os.write(4, struct.pack(">I", 0)),
    "/half": lambda sid: (os.write(4, struct.pack(">I", 100) + b"\x91"), time.sleep(3600)),
    "/unknown": lambda sid: say([0x7E, 1]),
    "/twice": lambda sid: say([RES, sid, 200, {}, b"once"], [RES, sid, 200, {}, b"twice"], [ACK, 1]),
    "/acknowledge": lambda sid: say([ACK, 1000]),
    "/chunk": lambda sid: say([RES_CHUNK, sid, b"x"]),
    "/credit": lambda sid: (say([RES_START, sid, 200, {}, b""]), [say([RES_CHUNK, sid, b"x" * 32768]) for _ in range(2000)]),
    "/strangers": lambda sid: (say(*([SEND, n, 0, b"hello"] for n in range(1, 100))), answer(sid, b"polite")),
    "/inject": lambda sid: answer(sid, b"body", {"x-note": "a\r\nset-cookie: evil=1"}),
    "/name": lambda sid: answer(sid, b"body", {"x\r\nset-cookie": "evil=1"}),
    "/children": lambda sid: family(sid, session=False),
    "/session": lambda sid: family(sid, session=True),
    "/flood": flood,
}


def main():
    version = int(os.environ.get("SPEAKS", "1"))
    say([READY, version, {"pid": os.getpid(), "language": "hostile", "language_version": "1", "sdk": "none", "concurrency": 1, "events": ["request"]}])
    decoder = FrameDecoder()
    while data := os.read(3, 65536):
        for message in decoder.feed(data):
            if message[0] == 0x03:
                sys.exit(0)
            if message[0] != REQ:
                continue
            path = message[6].decode() if isinstance(message[6], bytes) else message[6]
            WAYS.get(path, lambda sid: answer(sid, path.encode()))(message[1])


main()
