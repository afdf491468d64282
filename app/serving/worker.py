"""The gunicorn worker: deadlines for slow clients, clean stops, errors in our envelope."""

import json
import os
import signal
import socket
import struct
import time
from contextlib import suppress
from typing import Any

from gunicorn import util
from gunicorn.http import errors as http_errors
from gunicorn.workers import gthread

from app.serving.shares import Shares
from app.thread_pool import ThreadPool
from app.web.observation import RequestRecord, log_request
from app.web.responses import INTERNAL
from app.web.service import attached_services

RECEIVE_SECONDS = 10  # For a whole request, or for each piece of a chunked body.
LINGER_SECONDS = 0.5
SECONDS_FOR_OTHERS = 0.001  # To accept a connection.

# How long a thread waits for a silent client, and for the rest of an unread body.
gthread.DEFAULT_WORKER_DATA_TIMEOUT = 1.0

STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}

_MALFORMED = "The request cannot be parsed: check its request line, headers and framing."
_RESPONSES: dict[type[Exception], tuple[int, str, str]] = {
    http_errors.LimitRequestLine: (
        414,
        "URI Too Long",
        "The URL is too long: send a long filter in the body of POST /v1/contacts/search.",
    ),
    http_errors.LimitRequestHeaders: (
        431,
        "Request Header Fields Too Large",
        "The headers are too large or too many: send fewer, such as no cookies.",
    ),
    http_errors.ExpectationFailed: (
        417,
        "Expectation Failed",
        "Send no Expect header other than 100-continue.",
    ),
    http_errors.UnsupportedTransferCoding: (
        501,
        "Not Implemented",
        "Send no Transfer-Encoding other than chunked.",
    ),
}


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """A threaded worker that slow or hostile clients cannot block.

    One thread runs at a time: others wait for SQLite, for a client, or for their turn. The server
    gives each worker its `place` among `shares`.
    """

    shares: Shares
    place: int

    def get_thread_pool(self) -> ThreadPool[gthread.TConn]:
        return ThreadPool(self._work, threads=self.cfg.threads, slots=self.slots())

    def slots(self) -> int:
        return 1

    def enqueue_req(self, conn: gthread.TConn) -> None:
        self.tpool.submit(conn)

    def accept(self, listener: Any) -> None:
        """Leave a connection to a worker that has fewer, if it takes it within a moment.

        Clients keep connections: the worker that wakes up first would get most of them. Contacts
        that one worker stores together are cheaper than those of several workers in turn.
        """
        if self.shares.another_has_fewer(self.nr_conns):
            time.sleep(SECONDS_FOR_OTHERS)
        super().accept(listener)
        self._show_share()

    def finish_request(self, conn: gthread.TConn, fs: Any) -> None:
        super().finish_request(conn, fs)
        self._show_share()

    def _show_share(self) -> None:
        if self.alive:
            self.shares.show(self.place, self.nr_conns)
        else:
            self.shares.clear(self.place)

    def _work(self, conn: gthread.TConn) -> None:
        keep = False
        try:
            keep = self.handle(conn)
        finally:
            self.method_queue.defer(self.finish_request, conn, _Outcome(keep))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(self.tpool.seconds_to_relief() or timeout)
        self.tpool.relieve()

    def init_process(self) -> None:
        self._receiving: dict[gthread.TConn, float] = {}
        self._show_share()
        super().init_process()

    def notify(self) -> None:
        """Send the heartbeat, at least once a second; end requests that are past their deadline."""
        super().notify()
        now = time.monotonic()
        for conn, deadline in list(self._receiving.items()):
            if deadline < now and self._receiving.pop(conn, 0.0):
                with suppress(OSError):
                    # The rest of the request is cut off; a response can still be sent.
                    conn.sock.shutdown(socket.SHUT_RD)

    def init_signals(self) -> None:
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._stop_waiting()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        self._stop_waiting()
        super().handle_quit(sig, frame)

    def _stop_waiting(self) -> None:
        """Let requests that wait for changes answer at once."""
        for service in attached_services():
            service.stopping.set()

    def handle(self, conn: gthread.TConn) -> Any:
        self._receiving[conn] = time.monotonic() + RECEIVE_SECONDS
        keep = super().handle(conn)
        if self._receiving.pop(conn, None) is None and keep is True:
            keep = False
        if keep is False:
            # Gunicorn would linger in its only accepting thread, up to 2 s for each connection.
            # That thread still closes and counts the connection.
            with suppress(OSError):
                _linger(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: gthread.TConn) -> Any:
        def renew(receives: bool) -> None:
            self._receiving[conn] = time.monotonic() + (RECEIVE_SECONDS if receives else 1e9)

        # A chunked body: a deadline for each piece, none in between, none after the last.
        req.body.renew = renew
        if not any(name in ("CONTENT-LENGTH", "TRANSFER-ENCODING") for name, _ in req.headers):
            renew(False)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Reject a malformed request in the service's own envelope, without quoting it."""
        code = "bad_request"
        status, reason, message = _RESPONSES.get(type(exc), (400, "Bad Request", _MALFORMED))
        if not isinstance(exc, http_errors.ParseException):
            self.log.exception("A request failed outside of the application")
            status, reason, code, message = 500, "Internal Server Error", "internal_error", INTERNAL
        error = {"code": code, "message": message, "request_id": os.urandom(16).hex()}
        body = json.dumps({"success": False, "error": error}) + "\n"
        record = RequestRecord(error["request_id"], status, bytes=len(body))
        for service in attached_services()[:1]:
            log_request(service.db, record)
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            f"X-Request-Id: {error['request_id']}\r\n\r\n"
        )
        util.write_nonblock(client, (head + body).encode("ascii"))


class ConcurrentWorker(Worker):
    """A worker whose threads all run: they mostly wait for the server of the database."""

    def slots(self) -> int:
        return int(self.cfg.threads)


class _Outcome:
    """What gunicorn asks of a future: whether to keep the connection."""

    def __init__(self, keep: object) -> None:
        self._keep = keep

    def cancelled(self) -> bool:
        return False

    def result(self) -> object:
        return self._keep


def _linger(connection: socket.socket) -> None:
    """Let a client read its response while it may still be sending (RFC 9112, section 9.6)."""
    deadline = time.monotonic() + LINGER_SECONDS
    connection.shutdown(socket.SHUT_WR)
    with suppress(TimeoutError):  # A silent client.
        while (remaining := deadline - time.monotonic()) > 0:
            connection.settimeout(remaining)
            if not connection.recv(65_536):
                break
        else:
            # The client does not stop sending: reset the connection, or closing it would block.
            reset = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    connection.shutdown(socket.SHUT_RD)  # Else gunicorn's accepting thread would linger once more.
