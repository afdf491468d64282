"""A proxy that serves a server below a path, as nginx does."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.conftest import RunningServer

PREFIX = "/crm"


@contextmanager
def prefix_proxy(server: RunningServer) -> Iterator[tuple[str, list[str]]]:
    """Serve a server below `PREFIX`; yield its URL and the paths outside of it."""
    outside: list[str] = []
    target = urlsplit(server.url).netloc

    class Proxy(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Log nothing when a browser closes a long poll for changes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith(f"{PREFIX}/"):
                outside.append(self.path)
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            sent = {name: text for name, text in self.headers.items() if name != "Connection"}
            sent |= {"X-Forwarded-For": self.client_address[0], "X-Forwarded-Prefix": PREFIX}
            with closing(HTTPConnection(target, timeout=30)) as connection:
                connection.request(self.command, self.path.removeprefix(PREFIX), body, sent)
                answer = connection.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            for name, text in answer.getheaders():
                if name not in ("Connection", "Content-Length", "Transfer-Encoding"):
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *values: object) -> None:
            """Write nothing to stderr."""

    with Proxy(("127.0.0.1", 0), Handler) as proxy:
        proxy.daemon_threads = True
        thread = Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}{PREFIX}", outside
        finally:
            proxy.shutdown()
            thread.join()
