"""HTTP: every request is answered with "Hello Client"."""

import gw

app = gw.Worker()


@app.on_request
def hello(request):
    return "Hello Client"


app.run()
