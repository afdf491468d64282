"""The contacts service: `create_app` assembles its parts."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: "Settings | None" = None, *, prepared: bool = False) -> "Flask":
    """Build the WSGI application over the store of `settings` (default: the environment's).

    Creates or migrates the store, unless it is `prepared`. Raises `StartError` if it cannot.
    """
    # Imported here, not with the package: a command first takes care of Ctrl-C (`app/cli`).
    import threading

    from app import web
    from app.database import open_store
    from app.serving.startup import prepare
    from app.settings import load
    from app.version import VERSION
    from app.web.rate_limit import DatabaseRateLimiter, FileRateLimiter, RateLimiter
    from app.web.service import Service

    settings = settings or load()
    db = open_store(settings)
    if not prepared:
        prepare(settings)
        db.hold()
    limiter: RateLimiter = FileRateLimiter(settings.data / "rate-limits")
    if settings.database_url:
        limiter = DatabaseRateLimiter(db)
    app = web.Application("app", static_folder=None)
    app.url_map.merge_slashes = False
    Service(
        settings,
        db,
        limiter,
        VERSION,
        long_polls=threading.Semaphore(settings.threads // 2),
        file_transfers=threading.Semaphore(max(1, settings.threads - 1)),
    ).attach(app)
    _register_parts(app)
    return app


def _register_parts(app: "Flask") -> None:
    from app import (
        api_docs,
        api_keys,
        console,
        contacts,
        custom_fields,
        journal,
        metrics,
        search,
        segments,
        tags,
        transfer,
        web,
        webhooks,
    )

    parts = (web, api_keys, journal, webhooks, contacts, search, tags, custom_fields, segments)
    for part in (*parts, transfer, metrics, api_docs, console):
        part.register(app)
