"""A WSGI application as Flask or Django are: python3 -m gw wsgi_app:app"""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"WSGI says hello to {environ['PATH_INFO']}".encode()]
