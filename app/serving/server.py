"""Gunicorn, started from inside, with its safety settings in one place."""

import logging
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app import logs
from app.database import Database
from app.serving.startup import finish_sweeps
from app.serving.worker import STOPPING, Worker
from app.settings import Settings
from app.web.observation import WORKER_STARTS
from app.web.service import attached_services, service_of

STALL_SECONDS = 5
ERASE_SECONDS = 5  # For what was deleted shortly before a stop.

os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING))


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
        service_of(app).db.finish_erasure()
        start_runner(app)
        return app

    def _when_ready(self, arbiter: Any) -> None:
        when_ready(arbiter, self.settings)
        self.on_ready(address_of(arbiter))


def address_of(arbiter: Any) -> str:
    """Return where an arbiter listens: the first of its addresses."""
    where = arbiter.LISTENERS[0].sock.getsockname()
    return where if isinstance(where, str) else f"http://{bracketed(where[0])}:{where[1]}"


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
    db.counters.add({WORKER_STARTS: 1})
    finish_sweeps(db)


def _erase_to_the_end(arbiter: Any, worker: Any) -> None:
    for service in attached_services():
        service.db.settle(ERASE_SECONDS)


def _hold_signals(arbiter: Any, worker: Any) -> None:
    """Keep a signal to stop for the worker, which would lose one that came before it is set up."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)


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
