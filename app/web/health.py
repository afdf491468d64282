"""Whether the service is alive (`/healthz`) and can write (`/readyz`)."""

import time

from flask import Blueprint, Response

from app.database import Database
from app.web.requests import database
from app.web.responses import success

SECONDS_BETWEEN_WRITES = 1.0

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def get_health() -> Response:
    return success({"status": "alive"})


@blueprint.get("/readyz")
def get_readiness() -> Response:
    """Answer once a small write is committed, one at most each second for all workers."""
    check_writable(database())
    return success({"status": "ready"})


def check_writable(db: Database) -> None:
    """Commit a small write, unless one was within the last second. Raises a `ServiceError`."""
    now = time.time()
    [(checked_at,)] = db.connection().execute("SELECT checked_at FROM readiness WHERE id = 1")
    if 0 <= now - checked_at < SECONDS_BETWEEN_WRITES:
        return
    with db.transaction() as tx:
        tx.execute("UPDATE readiness SET checked_at = :now WHERE id = 1", {"now": now})
