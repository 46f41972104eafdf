"""Answers with files: of its own folder (files/...), of another one, by X-Sendfile, and once."""

import os

import gw

HERE = os.path.dirname(os.path.abspath(__file__))
app = gw.Worker()


@app.on_request
def answer(request):
    if request.path == "/report":
        return gw.Response.file(HERE + "/files/report.txt", headers={"content-disposition": "attachment"})
    if request.path == "/large":
        return gw.Response.file(HERE + "/files/large")
    if request.path == "/outside":
        return gw.Response.file(HERE + "/../outside.txt")
    if request.path == "/gone":
        return gw.Response.file(HERE + "/files/gone")
    if request.path == "/header":
        return gw.Response(200, {"x-sendfile": HERE + "/files/report.txt", "content-type": "text/x-own"})
    if request.path == "/header-outside":
        return gw.Response(200, {"x-sendfile": "/etc/passwd"})
    if request.path == "/once":
        with open(HERE + "/files/once.txt", "w") as file:
            file.write("once")
        return gw.Response.file(HERE + "/files/once.txt", delete=True)
    return "handler"


app.run()
