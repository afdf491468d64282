"""The contacts service: the only place where its parts meet."""

import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from flask import Flask

from app import (
    api_docs,
    api_keys,
    contacts,
    custom_fields,
    journal,
    metrics,
    search,
    tags,
    transfer,
    web,
    webhooks,
)
from app.database import Database
from app.serving.startup import prepare
from app.settings import Settings, load
from app.web.rate_limit import RateLimiter
from app.web.service import Service

PARTS = (
    web,
    api_keys,
    journal,
    webhooks,
    contacts,
    search,
    tags,
    custom_fields,
    transfer,
    metrics,
    api_docs,
)


class _Service(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # All of ours is synchronous; asking that anew at each call takes time.


def create_app(settings: Settings | None = None, *, prepared: bool = False) -> Flask:
    """Build the WSGI application over the store of `settings` (default: the environment's).

    Brings the store up to date, unless it is `prepared`. Raises `StartError` where it cannot be.
    """
    settings = settings or load()
    db = Database(settings.database)
    if not prepared:
        prepare(settings)
        db.hold()
    app = _Service("app", static_folder=None)
    app.url_map.merge_slashes = False
    Service(
        settings,
        db,
        RateLimiter(settings.data / "rate-limits"),
        version("contacts-service"),
        long_polls=threading.Semaphore(settings.threads // 2),
        file_transfers=threading.Semaphore(max(1, settings.threads - 1)),
    ).attach(app)
    for part in PARTS:
        part.register(app)
    return app
