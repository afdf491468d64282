"""Gunicorn, started from inside, with its safety settings in one place."""

import json
import logging
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import errors as http_errors
from gunicorn.workers import gthread

from app import logs
from app.database import Database
from app.settings import Settings
from app.startup import finish_sweeps
from app.web.observation import WORKER_STARTS, Observed, tell
from app.web.responses import INTERNAL

STALL_SECONDS = 5
RECEIVE_SECONDS = 10  # For a whole request, however it trickles in.
LINGER_SECONDS = 0.5
ERASE_SECONDS = 5  # For what was deleted shortly before a stop.

# How long a thread waits for a silent client, and for the rest of a body that nobody read.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = 1.0

_STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING))

_STATUSES: dict[type[Exception], tuple[int, str]] = {
    http_errors.LimitRequestLine: (414, "URI Too Long"),
    http_errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    http_errors.ExpectationFailed: (417, "Expectation Failed"),
    http_errors.UnsupportedTransferCoding: (501, "Not Implemented"),
}


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """A threaded worker that a slow or hostile client cannot hold up."""

    def init_process(self) -> None:
        self._receiving: dict[gthread.TConn, float] = {}
        super().init_process()

    def notify(self) -> None:
        """Beat the heart, once a second at least; stop waiting for requests that only trickle."""
        super().notify()
        now = time.monotonic()
        for conn, deadline in list(self._receiving.items()):
            if deadline < now and self._receiving.pop(conn, 0.0):
                with suppress(OSError):
                    # What has not come is now cut short; an answer can still be sent.
                    conn.sock.shutdown(socket.SHUT_RD)

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._stop_waiting()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        self._stop_waiting()
        super().handle_quit(sig, frame)

    def _stop_waiting(self) -> None:
        """Let requests that wait for something to happen answer at once."""
        app = getattr(self, "wsgi", None)
        if app:
            app.extensions["stopping"].set()

    def handle(self, conn: gthread.TConn) -> Any:
        self._receiving[conn] = time.monotonic() + RECEIVE_SECONDS
        keep = super().handle(conn)
        if self._receiving.pop(conn, None) is None and keep is True:
            keep = False
        if keep is False:
            # Gunicorn would linger in its only accepting thread, up to 2 s for each. The
            # connection itself stays open: closing and counting it is for that thread.
            with suppress(OSError):
                _linger(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: gthread.TConn) -> Any:
        def renew(receives: bool) -> None:
            seconds = RECEIVE_SECONDS if receives else float("inf")
            self._receiving[conn] = time.monotonic() + seconds

        # For a body that is read piece by piece: a deadline for each, none in between.
        req.body.renew = renew
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse what cannot be read in the service's own envelope, without quoting it."""
        status, reason = _STATUSES.get(type(exc), (400, "Bad Request"))
        code = "bad_request"
        message = "The request cannot be read: check its request line, headers and framing."
        if not isinstance(exc, http_errors.ParseException):
            self.log.exception("A request failed outside of the application")
            status, reason, code, message = 500, "Internal Server Error", "internal_error", INTERNAL
        error = {"code": code, "message": message, "request_id": os.urandom(16).hex()}
        body = json.dumps({"success": False, "error": error}) + "\n"
        database = self.wsgi.extensions["database"]
        tell(database, Observed(error["request_id"], status, bytes=len(body)))
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-Id: {error['request_id']}\r\n\r\n"
        )
        util.write_nonblock(client, (head + body).encode("ascii"))


def _linger(connection: socket.socket) -> None:
    """Let a client take its answer while it may still be sending (RFC 9112, section 9.6)."""
    deadline = time.monotonic() + LINGER_SECONDS
    connection.shutdown(socket.SHUT_WR)
    while (remaining := deadline - time.monotonic()) > 0:
        connection.settimeout(remaining)
        if not connection.recv(65_536):
            break
    else:
        # It does not stop sending: reset it, or it would wait for room that never comes.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RD)


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings in place of its command line and configuration file.

    `on_ready` gets the address once the server listens on it.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[str], None]) -> None:
        self.settings = settings
        self.on_ready = on_ready
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_options(self.settings).items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", self._when_ready)

    def load(self) -> Any:
        from app import create_app
        from app.webhooks import start_runner

        # Prepared by the parent: a worker that starts while the store is locked or away serves
        # errors until it is back, and makes no new one in its place.
        app = create_app(self.settings, prepared=True)
        # A worker that ended may have left the log of a deletion behind.
        app.extensions["database"].erase_log()
        start_runner(app)
        return app

    def _when_ready(self, arbiter: Any) -> None:
        when_ready(arbiter, self.settings)
        self.on_ready(address_of(arbiter))


def address_of(arbiter: Any) -> str:
    """Return where an arbiter listens: the first of its addresses, or the path of its socket."""
    where = arbiter.LISTENERS[0].sock.getsockname()
    if not isinstance(where, tuple):
        return f"unix:{where}"
    return f"http://{bracketed(where[0])}:{where[1]}"


def bracketed(host: str) -> str:
    """Return a host as it stands before a port (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


class Log(Logger):  # type: ignore[misc]
    """Gunicorn's own lines, in the form and the place of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.propagate = True

    def _set_handler(self, log: logging.Logger, output: str, *args: Any, **kwargs: Any) -> None:
        if output != "-":
            super()._set_handler(log, output, *args, **kwargs)


def gunicorn_options(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's settings, for our own server and for `gunicorn wsgi:app` alike."""
    logs.configure(settings.log_level, settings.log_format)
    logging.getLogger("gunicorn.error").addFilter(_is_worth_logging)
    return {
        "bind": [f"{bracketed(settings.host)}:{settings.port}"],
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": Worker,
        "proc_name": "contacts",
        "umask": 0o077,
        "control_socket_disable": True,
        # A proxy may pass on what its client calls PATH_INFO, and so another path than it checked.
        "forwarder_headers": "",
        "logger_class": Log,
        "loglevel": "error" if settings.log_level == "error" else "warning",
        "pre_fork": _hold_signals,
        "post_worker_init": lambda worker: _begin(Database(settings.database)),
        "worker_exit": _erase_to_the_end,
        "on_exit": lambda arbiter: Database(settings.database).truncate_log(),
    }


def _begin(db: Database) -> None:
    db.tally.add({WORKER_STARTS: 1})
    finish_sweeps(db)


def _erase_to_the_end(arbiter: Any, worker: Any) -> None:
    app = getattr(worker, "wsgi", None)
    if app:
        app.extensions["database"].settle(ERASE_SECONDS)


def _hold_signals(arbiter: Any, worker: Any) -> None:
    """Keep a signal to stop for the worker, which would lose one that came before it is set up."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def when_ready(arbiter: Any, settings: Settings) -> None:
    """Set the time-outs of the listening sockets, which accepted connections inherit (Linux).

    From here on the store is in use, be there a worker at the moment or not.
    """
    arbiter.database = Database(settings.database)
    arbiter.database.hold()
    for listener in arbiter.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, STALL_SECONDS)
        if sys.platform == "linux":
            timeout = struct.pack("ll", STALL_SECONDS, 0)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Tell a fault of ours from a client that stalled until the time-out."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
