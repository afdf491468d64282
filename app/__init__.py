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
    tags,
    transfer,
    web,
    webhooks,
)
from app.database import Database
from app.settings import Settings, load
from app.startup import prepare
from app.web.rate_limit import RateLimiter


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
    app.extensions["settings"] = settings
    app.extensions["database"] = db
    app.extensions["rate_limiter"] = RateLimiter(settings.data / "rate-limits")
    app.extensions["version"] = version("contacts-service")
    web.register(app)
    app.extensions["stopping"] = threading.Event()
    api_keys.register(app)
    journal.register(app, threads=settings.threads)
    webhooks.register(app)
    contacts.register(app, phone_check=settings.phone_check)
    tags.register(app)
    custom_fields.register(app)
    transfer.register(app, threads=settings.threads)
    metrics.register(app)
    api_docs.register(app)
    return app
