"""The running service: what every request of one application works with."""

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from app.database import Database
from app.settings import Settings
from app.web.rate_limit import RateLimiter

_KEY = "service"


@dataclass
class Service:
    """One for each application. `stopping` is set once its process is about to end.

    The semaphores bound the threads that requests of long duration may hold: those that wait for
    changes (`long_polls`), and those that send or receive files (`file_transfers`).
    """

    settings: Settings
    db: Database
    rate_limiter: RateLimiter
    version: str
    long_polls: threading.Semaphore
    file_transfers: threading.Semaphore
    stopping: threading.Event = field(default_factory=threading.Event)
    openapi: str | None = None  # The rendered document, once somebody has asked for it.

    def attach(self, app: Flask) -> None:
        app.extensions[_KEY] = self


def service_of(app: Flask) -> Service:
    return cast(Service, app.extensions[_KEY])


def service() -> Service:
    """Return the service of the request that this thread answers."""
    return cast(Service, current_app.extensions[_KEY])
