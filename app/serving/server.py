"""Runs gunicorn as a library, with its safety settings in one place."""

import logging
import os
import signal
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from app import create_app, logs
from app.collector import collect_rarely
from app.database import Database, open_store
from app.segments.passing_time import look_again
from app.serving.shares import Shares
from app.serving.startup import ResumeSweeps, finish_sweeps
from app.serving.worker import STOPPING, ConcurrentWorker, Worker
from app.settings import Settings
from app.web.observation import WORKER_STARTS
from app.web.service import attached_services, service_of
from app.webhooks import start_runner

STALL_SECONDS = 5
ERASE_SECONDS = 5  # The longest wait at a stop until deleted data is erased from the disk.

os.register_at_fork(after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING))


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings instead of its command line and configuration file.

    Calls `on_ready` with the address once the server listens on it.
    """

    def __init__(self, settings: Settings, on_ready: Callable[[str], None]) -> None:
        self.settings = settings
        self.on_ready = on_ready
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_options(self.settings).items():
            self.cfg.set(name, value)
        self.cfg.set("when_ready", self._when_ready)
        self.cfg.set("post_worker_init", self._start_worker)
        # Workers share the memory of the parent's modules and routes, and start sooner.
        self.cfg.set("preload_app", True)

    def load(self) -> Any:
        # The parent has prepared the store. A worker that starts while the store is locked or
        # missing serves errors until it is back, and does not create a new one in its place.
        return create_app(self.settings, prepared=True)

    def _start_worker(self, worker: Any) -> None:
        db = service_of(self.callable).db
        _start_worker(db)
        db.finish_erasure()  # A worker that was killed may have left deleted data behind.
        start_runner(self.callable, look_again, ResumeSweeps())

    def _when_ready(self, arbiter: Any) -> None:
        when_ready(arbiter, self.settings)
        self.on_ready(address_of(arbiter))


def address_of(arbiter: Any) -> str:
    """Return the first address that an arbiter listens on."""
    where = arbiter.LISTENERS[0].sock.getsockname()
    return where if isinstance(where, str) else f"http://{bracketed(where[0])}:{where[1]}"


def bracketed(host: str) -> str:
    """Return a host as it is written before a port: IPv6 in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


class Log(Logger):  # type: ignore[misc]
    """Gunicorn's own log lines, in the format and on the stream of all others."""

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
        "worker_class": ConcurrentWorker if settings.database_url else Worker,
        "proc_name": "contacts",
        "umask": 0o077,
        "control_socket_disable": True,
        # A proxy may pass on a PATH_INFO of its client, which is another path than it checked.
        "forwarder_headers": "",
        # X-Forwarded-Proto counts from the proxies of the setting only: see app/web/addresses.py.
        "secure_scheme_headers": {},
        "logger_class": Log,
        "loglevel": "error" if settings.log_level == "error" else "warning",
        "pre_fork": _before_fork,
        "post_fork": _after_fork,
        "post_worker_init": lambda worker: _start_worker(open_store(settings)),
        "child_exit": lambda arbiter, worker: worker.shares.clear(worker.place),
        "worker_exit": _finish_erasing,
        "on_exit": lambda arbiter: open_store(settings).truncate_log(),
    }


def _start_worker(db: Database) -> None:
    db.counters.add({WORKER_STARTS: 1})
    finish_sweeps(db)


def _finish_erasing(arbiter: Any, worker: Any) -> None:
    for service in attached_services():
        service.db.settle(ERASE_SECONDS)


def _before_fork(arbiter: Any, worker: Any) -> None:
    """Choose the worker's place and CPU; block signals that it would lose without its handlers.

    One thread of a worker runs at a time; on another CPU it finds nothing in the caches. So it
    stays on the CPU that has the fewest workers, unless that leaves a CPU without one (Linux).
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    worker.shares = arbiter.shares
    worker.place = worker.shares.free_place({each.place for each in arbiter.WORKERS.values()})
    cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    worker.cpus = cpus
    if 0 < len(cpus) <= arbiter.num_workers:
        taken = Counter(cpu for each in arbiter.WORKERS.values() for cpu in each.cpus)
        worker.cpus = {min(cpus, key=lambda cpu: taken[cpu])}


def _after_fork(arbiter: Any, worker: Any) -> None:
    if worker.cpus:
        os.sched_setaffinity(0, worker.cpus)


def when_ready(arbiter: Any, settings: Settings) -> None:
    """Prepare for the fork of workers.

    Sets the timeouts of the listening sockets, which accepted connections inherit (Linux), and
    takes the in-use lock, so that the store is in use even while there is no worker.
    """
    arbiter.database = open_store(settings)
    arbiter.database.hold()
    arbiter.shares = Shares()
    # The collector would touch, and so copy, the memory that workers share with this process.
    collect_rarely()
    for listener in arbiter.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, STALL_SECONDS)
        if sys.platform == "linux":
            timeout = struct.pack("ll", STALL_SECONDS, 0)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return False for the timeout of a stalled client, which is not an error of the server."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
