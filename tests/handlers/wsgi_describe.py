"""WSGI: answers with who the client is, as JSON."""

import json


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    said = {"peer": environ["REMOTE_ADDR"], "scheme": environ["wsgi.url_scheme"], "host": environ["HTTP_HOST"], "forwarded": environ.get("HTTP_X_FORWARDED_FOR", "")}
    return [json.dumps(said).encode()]
