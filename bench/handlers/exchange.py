"""Looks at a header, sends the body back below five headers."""

import gw

app = gw.Worker()


@app.on_request
def exchange(request):
    headers = {
        "content-type": "application/json",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "vary": "accept-encoding",
        "x-powered-by": "gw",
    }
    return gw.Response(200, headers, request.body if "x-request-id" in request.headers else "")


app.run()
