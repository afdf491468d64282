"""Webhooks: tells receivers of changes, in order per contact and at least once."""

import threading

from flask import Flask

from app.webhooks import routes
from app.webhooks.runner import Runner
from app.webhooks.schemas import WebhookPatchSchema, WebhookSchema


def register(app: Flask) -> None:
    private = app.extensions["settings"].webhook_allow_private
    app.extensions["webhook_schema"] = WebhookSchema(private)
    app.extensions["webhook_patch_schema"] = WebhookPatchSchema(private)
    app.register_blueprint(routes.blueprint)


def start_runner(app: Flask) -> None:
    """Deliver and prune from a thread of this process, where no other does so."""
    runner = Runner(
        app.extensions["database"], app.extensions["settings"], app.extensions["stopping"]
    )
    threading.Thread(target=runner.run, name="runner", daemon=True).start()
