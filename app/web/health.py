"""Liveness (`/healthz`) and readiness (`/readyz`), which includes a committed write."""

import time

from flask import Blueprint, Response

from app.database import Database
from app.web.requests import database
from app.web.responses import success

SECONDS_BETWEEN_WRITES = 1.0
SECONDS_TO_WAIT = 2.0  # Longer than any of our own writers takes, shorter than monitors wait.

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def get_health() -> Response:
    return success({"status": "alive"})


@blueprint.get("/readyz")
def get_readiness() -> Response:
    """Respond once a small write is committed; at most one a second over all workers."""
    check_writable(database())
    return success({"status": "ready"})


def check_writable(db: Database, seconds: float = SECONDS_TO_WAIT) -> None:
    """Commit a small write, unless one was committed within the last second.

    Waits for other writers for at most `seconds`. Raises a `ServiceError`.
    """
    db.check_file()
    now = time.time()
    [(checked_at,)] = db.connection().execute("SELECT checked_at FROM readiness WHERE id = 1")
    if 0 <= now - checked_at < SECONDS_BETWEEN_WRITES:
        return
    with db.transaction(seconds) as tx:
        tx.execute("UPDATE readiness SET checked_at = :now WHERE id = 1", {"now": now})
