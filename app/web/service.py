"""The `Service` object: what all requests of one application share."""

import threading
import weakref
from dataclasses import dataclass, field

from flask import Flask

from app.database import Database
from app.settings import Settings
from app.web.rate_limit import RateLimiter

_KEY = "service"
_attached: "list[weakref.ref[Service]]" = []


@dataclass
class Service:
    """One for each application. `stopping` is set when its process begins to stop.

    The semaphores limit how many threads long requests may occupy: those that wait for changes
    (`long_polls`) and those that send or receive files (`file_transfers`).
    """

    settings: Settings
    db: Database
    rate_limiter: RateLimiter
    version: str
    long_polls: threading.Semaphore
    file_transfers: threading.Semaphore
    stopping: threading.Event = field(default_factory=threading.Event)
    openapi: str | None = None  # The rendered document, after its first request.

    def attach(self, app: Flask) -> None:
        app.extensions[_KEY] = self
        _attached.append(weakref.ref(self))


def attached_services() -> "list[Service]":
    """Return the services of this process: a wrapped application does not show its own."""
    return [service for each in _attached if (service := each())]


def service_of(app: Flask) -> Service:
    service: Service = app.extensions[_KEY]
    return service
