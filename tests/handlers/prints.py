"""Writes to stdout and stderr, also below Python's own buffers, then answers."""

import os
import sys

import gw

print("printed at boot")
app = gw.Worker()


@app.on_request
def prints(request):
    print("printed in a request")
    print("x" * 100_000)
    print("written to stderr", file=sys.stderr)
    os.write(1, b"written to descriptor 1\n")
    return "untouched"


app.run()
