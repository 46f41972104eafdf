"""A WSGI and an ASGI application, a worker, and factories of them, for `python -m gw`."""

import gw


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi"]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"asgi"})


class Nested:
    async def __call__(self, scope, receive, send):
        await asgi(scope, receive, send)


class holder:
    nested = Nested()


worker = gw.Worker()
worker.on_request(lambda request: "worker")


def make():
    return wsgi


application = wsgi
