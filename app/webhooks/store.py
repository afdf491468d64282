"""Webhooks in the database."""

import json
from collections.abc import Mapping
from typing import Any

from app.database import Connection
from app.webhooks.model import ACTIVE, FAILING, Webhook

_COLUMNS = (
    "id, url, label, events, status, secret, previous_secret, previous_until, position, "
    "created_at, updated_at, fields, exclude_actor"
)


def list_webhooks(db: Connection) -> list[Webhook]:
    """Return the webhooks that are not deleted, oldest first."""
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM webhooks
        WHERE status != 'deleted'
        ORDER BY created_at, id
        """
    )
    return [_webhook(*row) for row in rows]


def find_webhook(db: Connection, id: str) -> Webhook | None:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM webhooks WHERE id = :id AND status != 'deleted'", {"id": id}
    )
    return _webhook(*rows[0]) if rows else None


def insert_webhook(db: Connection, webhook: Webhook) -> None:
    db.change(
        """
        INSERT INTO webhooks
            (id, url, label, events, fields, exclude_actor, status, secret, position,
            created_at, updated_at)
        VALUES
            (:id, :url, :label, :events, :fields, :exclude_actor, :status, :secret, :position,
            :created_at, :updated_at)
        """,
        _values(webhook),
    )


def update_webhook(db: Connection, webhook: Webhook) -> None:
    db.change(
        """
        UPDATE webhooks
        SET url = :url,
            label = :label,
            events = :events,
            fields = :fields,
            exclude_actor = :exclude_actor,
            status = :status,
            secret = :secret,
            previous_secret = :previous_secret,
            previous_until = :previous_until,
            position = :position,
            updated_at = :updated_at
        WHERE id = :id
        """,
        _values(webhook),
    )


def delete_webhook(db: Connection, id: str) -> None:
    """Mark a webhook as deleted and erase its content; the runner removes its deliveries."""
    db.change(
        """
        UPDATE webhooks
        SET status = 'deleted',
            url = '',
            label = '',
            fields = NULL,
            secret = '',
            previous_secret = NULL
        WHERE id = :id
        """,
        {"id": id},
    )


def list_deleted(db: Connection) -> list[str]:
    return [id for (id,) in db.execute("SELECT id FROM webhooks WHERE status = 'deleted'")]


def remove_webhook(db: Connection, id: str) -> None:
    db.change("DELETE FROM webhooks WHERE id = :id", {"id": id})


def set_position(db: Connection, id: str, position: int) -> None:
    db.change(
        "UPDATE webhooks SET position = :position WHERE id = :id",
        {"id": id, "position": position},
    )


def lowest_position(db: Connection) -> int | None:
    """Return the last change that is queued for all webhooks, None if there are no webhooks."""
    [(position,)] = db.execute(
        "SELECT min(position) FROM webhooks WHERE status IN ('active', 'failing')"
    )
    return None if position is None else int(position)


def mark_failing(db: Connection, id: str) -> bool:
    """Return whether the webhook was active until now."""
    return _change_status(db, id, ACTIVE, FAILING)


def mark_recovered(db: Connection, id: str) -> None:
    _change_status(db, id, FAILING, ACTIVE)


def _change_status(db: Connection, id: str, before: str, after: str) -> bool:
    return bool(
        db.change(
            "UPDATE webhooks SET status = :after WHERE id = :id AND status = :before",
            {"id": id, "before": before, "after": after},
        )
    )


def _values(webhook: Webhook) -> Mapping[str, object]:
    lists = {name: getattr(webhook, name) for name in ("fields", "exclude_actor")}
    return (
        vars(webhook)
        | {"events": None if webhook.events is None else " ".join(webhook.events)}
        | {name: given and json.dumps(given) for name, given in lists.items()}
    )


def _webhook(id: str, url: str, label: str, events: str | None, *rest: Any) -> Webhook:
    wanted = None if events is None else tuple(events.split())
    *others, fields, actors = rest
    lists = (None if given is None else tuple(json.loads(given)) for given in (fields, actors))
    return Webhook(id, url, label, wanted, *others, *lists)
