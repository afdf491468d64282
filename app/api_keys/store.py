"""API keys in the database."""

from app.api_keys.model import ApiKey
from app.database import Connection

_COLUMNS = "id, label, scopes, rate_limit, created_at, expires_at, revoked_at, last_used_at"


def find_api_key(db: Connection, digest: bytes) -> tuple[ApiKey, bytes] | None:
    """Return the key and its stored digest."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, digest FROM api_keys WHERE digest = :digest",
        {"digest": digest},
    )
    return (_api_key(*rows[0][:-1]), rows[0][-1]) if rows else None


def list_api_keys(db: Connection) -> list[ApiKey]:
    """Return all keys, oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id")
    return [_api_key(*row) for row in rows]


def insert_api_key(db: Connection, key: ApiKey, digest: bytes) -> None:
    db.execute(
        """
        INSERT INTO api_keys (id, digest, label, scopes, rate_limit, created_at, expires_at)
        VALUES (:id, :digest, :label, :scopes, :rate_limit, :created_at, :expires_at)
        """,
        {
            "id": key.id,
            "digest": digest,
            "label": key.label,
            "scopes": " ".join(key.scopes),
            "rate_limit": key.rate_limit,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
        },
    )


def revoke_api_key(db: Connection, id: str, now: str) -> bool:
    """Return whether the key exists; if already revoked, it keeps its time."""
    return bool(
        db.execute(
            """
            UPDATE api_keys
            SET revoked_at = coalesce(revoked_at, :now)
            WHERE id = :id
            RETURNING id
            """,
            {"id": id, "now": now},
        )
    )


def touch_api_key(db: Connection, id: str, now: str, before: str) -> None:
    """Record that a key was used, unless a use after `before` is recorded."""
    db.execute(
        """
        UPDATE api_keys
        SET last_used_at = :now
        WHERE id = :id AND (last_used_at IS NULL OR last_used_at <= :before)
        """,
        {"id": id, "now": now, "before": before},
    )


def _api_key(id: str, label: str, scopes: str, *rest: object) -> ApiKey:
    return ApiKey(id, label, tuple(scopes.split()), *rest)  # type: ignore[arg-type]
