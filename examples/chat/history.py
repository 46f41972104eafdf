"""The last messages, one JSON object per line, in a file that several processes share under flock."""

import fcntl
import json
import os

KEPT = 50
LONGEST_FILE = 256 * 1024


class History:
    def __init__(self, path):
        self.path = path

    def append(self, message):
        with self._open(fcntl.LOCK_EX) as file:
            file.seek(0, os.SEEK_END)
            file.write((json.dumps(message, ensure_ascii=False) + "\n").encode())
            if file.tell() > LONGEST_FILE:
                self._trim(file)

    def last(self):
        with self._open(fcntl.LOCK_SH) as file:
            return [json.loads(line) for line in self._lines(file)]

    def _open(self, lock):
        file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b")
        fcntl.flock(file, lock)
        return file

    def _lines(self, file):
        file.seek(0)
        return file.read().splitlines()[-KEPT:]

    def _trim(self, file):
        lines = self._lines(file)
        file.seek(0)
        file.truncate()
        file.write(b"\n".join(lines) + b"\n")
