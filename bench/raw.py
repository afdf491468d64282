"""The ceiling of the server itself: a WSGI application that does nothing."""


def app(environ, start_response):
    environ["wsgi.input"].read()
    body = b'{"hello": "world"}\n'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]
