"""The scenarios as a WSGI application (PEP 3333), for gw and gunicorn alike."""

from urllib.parse import parse_qs

from summary import summary

EXCHANGE = [("Cache-Control", "no-store"), ("X-Frame-Options", "DENY"), ("Vary", "accept-encoding"), ("X-Powered-By", "gw")]


def app(environ, start_response):
    body, kind, more = answer(environ)
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body))), *more])
    return [body]


def answer(environ):
    path = environ["PATH_INFO"]
    if path == "/json":
        text = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return summary(text, parse_qs(environ["QUERY_STRING"])["channel"][0], environ["HTTP_X_VISIT"]), "application/json", []
    if path == "/vary":
        return f"{parse_qs(environ['QUERY_STRING'])['n'][0]} {environ['HTTP_X_VISIT']}".encode(), "text/plain", []
    if path.startswith("/exchange/"):
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return body if "HTTP_X_REQUEST_ID" in environ else b"", "application/json", EXCHANGE
    return b"Hello, World!", "text/plain", []
