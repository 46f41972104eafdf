"""What a request holds."""

import os
import tempfile

import gw

app = gw.Worker()


@app.on_request
def read(request):
    if request.path == "/order":
        return {"articles": len(request.json()["articles"])}    # a JSON body
    if request.path == "/upload":
        return upload(request.files.get("picture"))             # a file of a multipart form
    return describe(request)


def upload(file):
    if file is None:
        return "no picture", 400
    file.save(os.path.join(tempfile.gettempdir(), "picture"))   # not under the client's name for it
    return {"name": file.name, "type": file.type, "bytes": file.size}


def describe(request):
    return {
        "method": request.method,                               # GET, POST, ...
        "path": request.path,                                   # /search, percent-decoded
        "target": request.target,                               # /search?q=gw, as the client sent it
        "host": request.host,                                   # example.com
        "peer": request.peer,                                   # address and port of the client
        "protocol": request.protocol,                           # HTTP/1.0, HTTP/1.1 or HTTP/2
        "id": request.id,                                       # of this exchange, in the log too
        "agent": request.headers.get("User-Agent"),             # None when it is not there
        "q": request.query.get("q", "nothing"),                 # with a default
        "theme": request.cookies.get("theme"),
        "name": request.form.get("name"),                       # of a form that was posted
        "length": len(request.body),                            # the body as it came
    }


app.run()
