"""CPU per message of an SDK worker, without a gateway: python3 bench/loop.py [kind ...] [--seconds 0.5] [--codec python]

Drives a real worker process through two pipes, with 1, 8 and 64 messages in flight, and reads the worker's CPU time from
/proc/PID/schedstat. The driver runs on the same machine, so trust the best of a few rounds and ratios, not single figures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SDK = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SDK))

from gw._msgpack import pack  # noqa: E402
from gw._wire import HELLO, MSG, OPEN, REQ, RES, SEND  # noqa: E402

WINDOWS = (1, 8, 64)
VARIANTS = 4096  # different requests of the loads *vary
HELLO_MAP = {"worker": 1, "slot": 0, "pool": "bench", "listeners": [[1, "web", "http", "127.0.0.1:80"]], "max_frame": 1 << 20,
             "max_message": 1 << 19, "stream_credit": 1 << 18, "debug": False}
COOKIE = "session=" + "s3cr3t" * 15 + "; theme=dark; lang=en-GB"
HEADERS = (
    "host: shop.example.com\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0\n"
    "accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\naccept-language: en-GB,en;q=0.7,de;q=0.3\n"
    "accept-encoding: gzip, deflate, br, zstd\ncontent-type: application/json\ncontent-length: 1024\norigin: https://shop.example.com\n"
    f"referer: https://shop.example.com/cart\ncookie: {COOKIE}\nx-request-id: 0123456789abcdef\n"
).encode()
BODY = b'{"items": [' + b"1234567, " * 111 + b'1]}    '

HANDLERS = {
    "hello": """
import gw
app = gw.Worker()
@app.on_request
def hello(request):
    return "Hello Client\\n"
""",
    "vary": """
import gw
app = gw.Worker()
@app.on_request
def vary(request):
    return gw.Response(200, {}, request.query["n"] + " " + request.headers["x-visit"])
""",
    "json": """
import gw
app = gw.Worker()
@app.on_request
def json(request):
    return {"received": request.json()}
""",
    "http": """
import gw
app = gw.Worker()
@app.on_request
def http(request):
    headers = {"content-type": "application/json", "cache-control": "no-store", "x-request-id": request.headers["x-request-id"],
               "vary": "accept", "x-powered-by": "gw"}
    return gw.Response(200, headers, request.body)
""",
    "ws": """
import gw
app = gw.Worker()
@app.on_message
def echo(connection, data):
    connection.send(data)
""",
    "wsgi": """
import gw.wsgi
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello Client\\n"]
app = gw.wsgi.worker(application)
""",
    "asgi": """
import gw.asgi
async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Hello Client\\n"})
app = gw.asgi.worker(application)
""",
}
for kind in ("wsgi", "asgi"):
    HANDLERS[kind + "-vary"] = HANDLERS[kind]
for kind in ("hello", "vary", "http", "ws"):
    HANDLERS["async-" + kind] = HANDLERS[kind].replace("\ndef ", "\nasync def ").replace("    connection.send", "    await connection.send")



def requests(kind: str) -> list[list[Any]]:
    """The messages of that load, to be sent over and over: one, or many that differ."""
    if kind.endswith("ws"):
        return [[MSG, 1 << 32, 0, b"0123456789abcdef0123456789abcdef"]]
    start = [REQ, 1 << 32, 0, 1, "127.0.0.1:51000"]
    if kind.endswith("http"):
        return [[*start, "POST", b"/api/v1/carts/8c1f/items/7", b"currency=EUR&include=totals", HEADERS, BODY]]
    if kind == "json":
        return [[*start, "POST", b"/json", b"", HEADERS, BODY]]
    if kind.endswith("-vary") and not kind.startswith("async"):
        return [[*start, "GET", b"/", b"n=%d" % n, HEADERS.replace(b"0123456789", b"%010d" % n), b""] for n in range(VARIANTS)]
    if kind.endswith("vary"):
        return [[*start, "GET", b"/vary", b"n=%d" % n, b"host: example.com\nx-visit: %08x\n" % n, b""] for n in range(VARIANTS)]
    return [[*start, "GET", b"/", b"", b"host: example.com\n", b""]]


OPENING = [OPEN, 1 << 32, 1, "127.0.0.1:51000", "websocket", b"/", b"", b"host: example.com\n"]


class Load:
    """An endless supply of messages, in frames as the gateway writes them."""

    def __init__(self, messages: list[list[Any]]) -> None:
        packed = [pack(message) for message in messages]
        self._messages = packed * -(-2 * WINDOWS[-1] // len(packed))
        self._most = max(1, min(128, 32 * 1024 // len(packed[0])))
        self._at = 0

    def frames(self, count: int) -> bytes:
        out = []
        while count > 0:
            some = min(count, self._most)
            if self._at + some > len(self._messages):
                self._at = 0
            payload = b"\xdc" + some.to_bytes(2, "big") + b"".join(self._messages[self._at : self._at + some])
            out.append(len(payload).to_bytes(4, "big") + payload)
            self._at += some
            count -= some
        return b"".join(out)


class Worker:
    """A worker process with its ends of the pipes."""

    def __init__(self, source: str, python: str, codec: str, sdk: str) -> None:
        inner_in, self.out = os.pipe()
        self.input, inner_out = os.pipe()
        environment = {**os.environ, "PYTHONPATH": sdk, "GW_IPC": "1", "GW_FD_IN": str(inner_in), "GW_FD_OUT": str(inner_out)}
        environment["GW_CODEC"] = codec
        self.process = subprocess.Popen([python, "-c", source + "\napp.run()\n"], env=environment, pass_fds=(inner_in, inner_out))
        os.close(inner_in)
        os.close(inner_out)
        self.send(pack([[HELLO, 1, 1, HELLO_MAP]]))
        self.read()  # READY
        self.send(pack([OPENING]))

    def send(self, payload: bytes) -> None:
        os.write(self.out, len(payload).to_bytes(4, "big") + payload)

    def read(self) -> bytes:
        data = os.read(self.input, 65536)
        if not data:
            raise SystemExit("the worker ended")
        return data

    def cpu(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0])

    def end(self) -> None:
        os.close(self.out)
        os.close(self.input)
        self.process.wait()


def drive(worker: Worker, load: Load, window: int, answer: int, seconds: float) -> tuple[float, float]:
    """Messages per second and microseconds of the worker's CPU per message, with so many in flight."""
    mark = b"\x95" + bytes((RES,)) if answer == RES else b"\x94" + bytes((SEND,))
    done, begun, cpu = 0, time.perf_counter(), worker.cpu()
    os.write(worker.out, load.frames(window))
    tail = b""
    while time.perf_counter() - begun < seconds:
        # The answers of this benchmark hold neither mark in their bytes: counting it is cheaper than decoding.
        data = tail + worker.read()
        tail = data[-1:]
        count = data.count(mark)
        done += count
        if count:
            os.write(worker.out, load.frames(count))
    cpu, took = worker.cpu() - cpu, time.perf_counter() - begun
    rest = window
    while rest > 0:
        data = tail + worker.read()
        tail = data[-1:]
        rest -= data.count(mark)
    return done / took, cpu / done / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="*", default=[], help=", ".join(HANDLERS))
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--sdk", default=str(SDK), help="another version of this folder, to compare with")
    parser.add_argument("--codec", default="", choices=["", "python"], help="python: without msgpack")
    options = parser.parse_args()
    print(f"{'':<14}" + "".join(f"{f'window {window}':>26}" for window in WINDOWS))
    print(f"{'':<14}" + f"{'µs CPU best/median  1/s':>26}" * len(WINDOWS))
    for kind in options.kind or HANDLERS:
        answer = SEND if kind.endswith("ws") else RES
        worker = Worker(HANDLERS[kind], options.python, options.codec, options.sdk)
        load = Load(requests(kind))
        row = f"{kind:<14}"
        for window in WINDOWS:
            drive(worker, load, window, answer, 0.1)
            rounds = sorted(drive(worker, load, window, answer, options.seconds)[::-1] for _ in range(options.rounds))
            (best, rate), (median, _) = rounds[0], rounds[len(rounds) // 2]
            row += f"{f'{best:.2f}/{median:.2f} {rate:,.0f}':>26}"
        print(row, flush=True)
        worker.end()


if __name__ == "__main__":
    main()
