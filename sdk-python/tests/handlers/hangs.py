"""Says where it is on stderr, then hangs in a request."""

import sys
import time

import gw

app = gw.Worker()


@app.on_request
def stuck_here(request):
    print("hanging", file=sys.stderr, flush=True)
    time.sleep(3600)


app.run()
