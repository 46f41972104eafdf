"""What no SDK can do without, and nothing else: reads, unpacks, packs, writes. bare.py WORK"""

import os
import sys

from gw._codec import pack, unpack  # of msgpack where it is installed

HELLO = {"content-type": "text/plain; charset=utf-8"}
EXCHANGE = {"content-type": "application/json", "cache-control": "no-store", "x-frame-options": "DENY", "vary": "accept-encoding", "x-powered-by": "gw"}
READY = {"pid": os.getpid(), "language": "python", "language_version": "3", "sdk": "none", "concurrency": 1, "events": ["request", "message"]}


def run(headers):
    data = b""
    while read := os.read(3, 65536):
        data = data + read if data else read
        answers = []
        done = at = 0
        end = len(data)
        while end - at >= 4:
            stop = at + 4 + int.from_bytes(data[at : at + 4], "big")
            if stop > end:
                break
            for message in unpack(data[at + 4 : stop]):
                op = message[0]
                if op == 0x10:
                    answers.append((0x20, message[1], 200, headers, message[9] or b"Hello, World!"))
                    done += 1
                elif op == 0x31:
                    answers.append((0x40, message[1], 0, message[3]))
                    done += 1
                elif op == 1:
                    answers.append((5, 1, READY))
            at = stop
        data = data[at:]
        if answers:
            answers.append((8, done))
            frame = pack(answers)
            os.write(4, len(frame).to_bytes(4, "big") + frame)


run(HELLO if sys.argv[1] == "hello" else EXCHANGE)
