"""The gateway's side of the pipes, twice: a script in memory, and a real child process. Nothing here sleeps."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SDK = TESTS.parent
sys.path.insert(0, str(SDK))

from gw import _msgpack, _wire as wire  # noqa: E402

try:
    import msgpack._cmsgpack  # noqa: F401

    CODECS = ["msgpack", "python"]
except ImportError:
    CODECS = ["python"]

PATIENCE = 20.0
HELLO_MAP = {
    "worker": 7, "slot": 2, "pool": "web", "listeners": [[1, "front", "http", "127.0.0.1:8080"], [2, "lines", "text", "[::1]:2347"]],
    "max_frame": 1 << 20, "max_message": 512 << 10, "stream_credit": 256 << 10, "debug": False,
}
READY, DRAIN = wire.READY, [wire.DRAIN, 10_000, "reload"]


def hello(**changes):
    return [wire.HELLO, 1, 1, {**HELLO_MAP, **changes}]


def request(sid=1, path="/", query="", method="GET", headers="host: shop.test\n", body=b"", flags=0):
    return [wire.REQ, sid, flags, 1, "10.0.0.1:5000", method, path.encode(), query.encode(), headers.encode("latin-1"), body]


class Sender:
    """The gateway's side of streamed bodies, a `react` for `serve`: sends what it is asked for, in pieces."""

    def __init__(self, bodies, piece=1000, stop_at=None):
        self.left, self.piece, self.stop_at = dict(bodies), piece, stop_at
        self.asked, self.sent = dict.fromkeys(bodies, 0), dict.fromkeys(bodies, 0)
        self.ahead = 0  # the most that was ever asked for and not sent

    def requests(self):
        return [request(sid, f"/{sid}", method="POST", flags=wire.BODY_FOLLOWS) for sid in self.left]

    def __call__(self, message):
        if message[0] != wire.BODY_CREDIT:
            return None
        sid = message[1]
        self.asked[sid] += message[2]
        self.ahead = max(self.ahead, self.asked[sid] - self.sent[sid])
        out = []
        while self.left[sid] and self.sent[sid] < self.asked[sid]:
            data = self.left[sid][: min(self.piece, self.asked[sid] - self.sent[sid])]
            self.left[sid] = self.left[sid][len(data) :]
            self.sent[sid] += len(data)
            out.append([wire.BODY, sid, data, 0 if self.left[sid] else 1])
            if self.stop_at is not None and self.sent[sid] >= self.stop_at:
                return [*out, [wire.ABORT, sid, 1]]
        return out


def opened(cid=300, kind="websocket", path="/chat", query="", headers="host: shop.test\n"):
    return [wire.OPEN, cid, 1, "10.0.0.1:5000", kind, path.encode(), query.encode(), headers.encode()]


def text(data, cid=300):
    return [wire.MSG, cid, 0, data.encode()]


def binary(data, cid=300):
    return [wire.MSG, cid, wire.BINARY, data]


def closed(cid=300, code=1000, reason=""):
    return [wire.CLOSED, cid, code, reason]


def attach(cid=300, session=b"", uid="", headers=b""):
    return [wire.ATTACH, cid, 1, "10.0.0.1:5000", "websocket", b"/chat", b"", headers, session, uid]


def datagram(data, did=1, local="", lid=3):
    return [wire.DGRAM, lid, "192.0.2.7:5000", data, local, did]


def fields(**headers):
    """Headers as a worker writes them; an underscore stands for a dash."""
    return [[name.replace("_", "-").encode(), value.encode()] for name, value in headers.items()]


def encode(*messages):
    """One frame, as the gateway writes it."""
    payload = _msgpack.pack(list(messages))
    return len(payload).to_bytes(4, "big") + payload


class Frames:
    """Decodes what a worker writes, any message, and keeps it frame by frame."""

    def __init__(self):
        self.frames = []
        self._held = b""

    def feed(self, data):
        """The frames these bytes complete."""
        self._held += data
        new = []
        while len(self._held) >= 4:
            end = 4 + int.from_bytes(self._held[:4], "big")
            if len(self._held) < end:
                break
            new.append(_msgpack.unpack(self._held[4:end]))
            self._held = self._held[end:]
        self.frames += new
        return new

    @property
    def messages(self):
        return [message for frame in self.frames for message in frame]


class Script:
    """A transport in memory: what the gateway sends, piece by piece, and what it makes of the answers. No work before READY.

    `react` gets each message the worker writes and returns messages to send back. After the last piece the gateway is silent,
    unless `ends`: then the pipe is closed.
    """

    def __init__(self, pieces, react=None, ends=False):
        self._pieces, self._later = list(pieces[:1]), list(pieces[1:])
        self._react = react or (lambda message: [])
        self._ends = ends
        self._callback = None
        self.written = Frames()

    def read(self):
        if self._pieces:
            return self._pieces.pop(0)
        assert self._ends and not self._later, "the worker waits for ever"
        return b""

    def readable(self, seconds):
        return bool(self._pieces)

    def write(self, data):
        for frame in self.written.feed(data):
            for message in frame:
                if message[0] == READY:
                    self._pieces, self._later = self._pieces + self._later, []
                back = self._react(message)
                if back:
                    self._pieces.append(encode(*back))

    def watch(self, loop, callback):
        self._callback = callback
        if callback is not None:
            loop.call_soon(self._step, loop)

    def _step(self, loop):
        if self._callback is not None:
            if self._pieces or self._ends and not self._later:
                self._callback()
            loop.call_soon(self._step, loop)  # a turn of the loop is this transport's only clock


def serve(worker, *messages, react=None, drain=True, ends=False, pieces=None, **hello_changes):
    """Runs a worker in this process on these messages. Returns what it wrote, as Frames, and how it ended (an exit code or None)."""
    frames = [encode(hello(**hello_changes))]
    frames += pieces if pieces is not None else [encode(*messages)] if messages else []
    if drain:
        frames.append(encode(DRAIN))
    script = Script(frames, react, ends)
    try:
        worker._serve(script)
    except SystemExit as exit:
        return script.written, exit.code
    return script.written, None


class Child:
    """A handler in a process of its own."""

    def __init__(self, handler, codec="python", greet=True, environment=(), arguments=(), **hello_changes):
        inner_in, self._out = os.pipe()
        self._in, inner_out = os.pipe()
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SDK), str(TESTS)]), "PYTHONUNBUFFERED": "1", "GW_IPC": "1",
                     "GW_FD_IN": str(inner_in), "GW_FD_OUT": str(inner_out), "GW_CODEC": codec, **dict(environment)}
        command = [sys.executable, *(arguments or [str(TESTS / "handlers" / handler)])]
        self.process = subprocess.Popen(command, env=variables, pass_fds=(inner_in, inner_out), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=TESTS)
        os.close(inner_in)
        os.close(inner_out)
        self.written = Frames()
        if greet:
            self.send(hello(**hello_changes))
            self.wait_for(READY)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        self.hang_up()
        os.close(self._in)

    def send(self, *messages):
        self.send_bytes(encode(*messages))

    def send_bytes(self, data):
        os.write(self._out, data)

    def hang_up(self):
        if self._out is not None:
            os.close(self._out)
            self._out = None

    def wait_for(self, op, count=1):
        """Reads until that many messages of this kind are there; returns them."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [message for message in self.written.messages if message[0] == op]
            if len(found) >= count:
                return found
            self._read(deadline)

    def _read(self, deadline):
        assert select.select([self._in], [], [], max(0, deadline - time.monotonic()))[0], f"only {self.written.messages}"
        data = os.read(self._in, 65536)
        assert data, f"the handler ended: {self.process.communicate(timeout=PATIENCE)}"
        self.written.feed(data)

    def finish(self):
        """Waits for the process to end; returns its exit code, stdout and stderr. What it still wrote is in `written`."""
        out, err = self.process.communicate(timeout=PATIENCE)
        while data := os.read(self._in, 65536):
            self.written.feed(data)
        return self.process.returncode, out.decode(), err.decode()
