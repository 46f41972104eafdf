"""The scenarios as a WSGI application (PEP 3333), for gw and gunicorn alike."""

from urllib.parse import parse_qs

from summary import summary


def app(environ, start_response):
    body, kind = answer(environ)
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


def answer(environ):
    path = environ["PATH_INFO"]
    if path == "/json":
        text = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return summary(text, parse_qs(environ["QUERY_STRING"])["channel"][0], environ["HTTP_X_VISIT"]), "application/json"
    if path == "/vary":
        return f"{parse_qs(environ['QUERY_STRING'])['n'][0]} {environ['HTTP_X_VISIT']}".encode(), "text/plain"
    return b"Hello, World!", "text/plain"
