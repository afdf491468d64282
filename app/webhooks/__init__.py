"""Webhooks: sends events to receivers, in order for each contact and at least once."""

import threading
from collections.abc import Callable

from flask import Flask

from app.database import Database
from app.web.service import service_of
from app.webhooks import routes
from app.webhooks.runner import Runner


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)


def start_runner(
    app: Flask, each_minute: Callable[[Database], bool], resume: Callable[[Database], object]
) -> None:
    """Start the thread that delivers events and prunes old rows while no other process does."""
    service = service_of(app)
    stopping = service.stopping
    runner = Runner(service.db, service.settings, stopping, each_minute=each_minute, resume=resume)
    threading.Thread(target=runner.run, name="runner", daemon=True).start()
