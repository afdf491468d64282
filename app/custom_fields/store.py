"""SQL of custom fields, their labels and types, and the sweeps that delete them."""

import json
from collections.abc import Sequence
from typing import Any

from app.custom_fields.model import CustomField, Position, Sweep
from app.database import Connection


def list_custom_fields(db: Connection, *, limit: int, offset: int) -> list[CustomField]:
    """Return a page of custom fields, ordered by key."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM custom_fields ORDER BY key LIMIT :limit OFFSET :offset",
        {"limit": limit, "offset": offset},
    )
    return [CustomField(*row) for row in rows]


def count_custom_fields(db: Connection) -> int:
    [(count,)] = db.execute("SELECT value FROM counters WHERE name = 'custom_fields'")
    return int(count)


def find_custom_field(db: Connection, key: str) -> CustomField | None:
    rows = db.execute(f"SELECT {_COLUMNS} FROM custom_fields WHERE key = :key", {"key": key})
    return CustomField(*rows[0]) if rows else None


def pin_custom_field(db: Connection, key: str, label: str | None, type_: str | None) -> CustomField:
    """Store the label and type of a field, which can be new."""
    [row] = db.execute(
        f"""
        INSERT INTO custom_fields (key, label, required_type)
        VALUES (:key, :label, :type)
        ON CONFLICT (key) DO UPDATE
        SET label = excluded.label,
            required_type = excluded.required_type
        RETURNING {_COLUMNS}
        """,
        {"key": key, "label": label, "type": type_},
    )
    return CustomField(*row)


def delete_custom_field(db: Connection, field: CustomField) -> None:
    """Remove a custom field that no contact has."""
    db.change("DELETE FROM custom_fields WHERE id = :id", {"id": field.id})


def list_sweeps(db: Connection) -> list[Sweep]:
    """Return all unfinished deletions: those that run, and those that were interrupted."""
    return [_sweep(*row) for row in db.execute(f"SELECT {_SWEEP} FROM custom_field_sweeps")]


def find_sweep(db: Connection, field_id: int) -> Sweep | None:
    rows = db.execute(
        f"SELECT {_SWEEP} FROM custom_field_sweeps WHERE field_id = :id", {"id": field_id}
    )
    return _sweep(*rows[0]) if rows else None


def _sweep(field_id: int, key: str, last: int, actor: str | None, *position: Any) -> Sweep:
    return Sweep(field_id, key, last, Position(*position), actor)


def insert_sweep(db: Connection, field: CustomField, actor: str | None) -> None:
    db.change(
        """
        INSERT INTO custom_field_sweeps (field_id, key, last, actor, type, value, contact_id)
        VALUES (
            :field_id, :key, (SELECT max(id) FROM contacts), :actor, :type, :value, :contact_id
        )
        """,
        {"field_id": field.id, "key": field.key, "actor": actor, **vars(Position())},
    )


def delete_sweep(db: Connection, sweep: Sweep) -> None:
    db.change("DELETE FROM custom_field_sweeps WHERE field_id = :id", {"id": sweep.field_id})


def next_values(db: Connection, sweep: Sweep, size: int) -> list[Position]:
    rows = db.execute(
        """
        SELECT type, value, contact_id
        FROM custom_field_values
        WHERE field_id = :field_id
            AND (type, value, contact_id) > (:type, :value, :contact_id)
        ORDER BY type, value, contact_id
        LIMIT :size
        """,
        {"field_id": sweep.field_id, "size": size, **vars(sweep.position)},
    )
    return [Position(*row) for row in rows]


def values_after(
    db: Connection, field_id: int, position: Position, size: int, skipped_type: str
) -> list[Position]:
    """Return the next values of a field in their order, without those of one type."""
    rows = db.execute(
        """
        SELECT type, value, contact_id
        FROM custom_field_values
        WHERE field_id = :field_id
            AND (type, value, contact_id) > (:type, :value, :contact_id)
            AND type != :skipped
        ORDER BY type, value, contact_id
        LIMIT :size
        """,
        {"field_id": field_id, "size": size, "skipped": skipped_type, **vars(position)},
    )
    return [Position(*row) for row in rows]


def phones_of(db: Connection, ids: Sequence[int]) -> list[str]:
    """Return the phones of contacts by their row ids."""
    rows = db.execute(
        """
        SELECT contacts.phone
        FROM json_each(:ids) AS asked
        CROSS JOIN contacts ON contacts.id = CAST(asked.value AS BIGINT)
        """,
        {"ids": json.dumps(list(ids))},
    )
    return [phone for (phone,) in rows]


def delete_values(db: Connection, sweep: Sweep, through: Position) -> None:
    """Delete the values up to one of them, of the contacts to change, and advance the position."""
    end: dict[str, object] = {
        "end_type": through.type,
        "end_value": through.value,
        "end_id": through.contact_id,
    }
    of_field: dict[str, object] = {"field_id": sweep.field_id}
    db.change(
        """
        UPDATE custom_field_sweeps
        SET type = :end_type,
            value = :end_value,
            contact_id = :end_id
        WHERE field_id = :field_id
        """,
        end | of_field,
    )
    db.change(
        """
        DELETE FROM custom_field_values
        WHERE field_id = :field_id
            AND (type, value, contact_id) > (:type, :value, :contact_id)
            AND (type, value, contact_id) <= (:end_type, :end_value, :end_id)
            AND contact_id <= :last
        """,
        end | of_field | vars(sweep.position) | {"last": sweep.last},
    )


_SWEEP = "field_id, key, last, actor, type, value, contact_id"
_COLUMNS = "id, key, strings, numbers, booleans, label, required_type"


def list_keys(db: Connection) -> list[str]:
    """Return the keys of all fields that contacts have, sorted."""
    rows = db.execute(
        """
        SELECT key
        FROM custom_fields
        WHERE strings + numbers + booleans > 0
        ORDER BY key
        """
    )
    return [key for (key,) in rows]
