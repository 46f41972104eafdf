"""The smallest answer."""

import gw

app = gw.Worker()


@app.on_request
def hello(request):
    return gw.Response(200, {}, "Hello, World!")


app.run()
