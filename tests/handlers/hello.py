"""Answers every request with the same text."""

import gw

app = gw.Worker()


@app.on_request
def hello(request):
    return "Hello Client"


app.run()
