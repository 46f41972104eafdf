"""A file for those who may have it: the handler decides, the gateway sends."""

import gw

app = gw.Worker()


@app.on_request
def download(request):
    if request.query.get("key") != "secret":
        return "not for you", 403
    headers = {"content-disposition": 'attachment; filename="download.txt"', "cache-control": "private, no-cache"}
    return gw.Response.file(__file__, content_type="text/plain; charset=utf-8", headers=headers)


app.run()
