"""The types that custom fields are pinned to."""

import json
from collections.abc import Iterable, Mapping

from app.contacts.model import FIELD_TYPES, Change
from app.database import Connection
from app.errors import InvalidInput

_NOUNS = {"string": "a string", "number": "a number", "boolean": "a boolean"}


def check_types(db: Connection, change: Change) -> None:
    """Raises `InvalidInput` where a custom field that changes has another type than its pin."""
    given = _given(change)
    if given:
        check(change, required_types(db, given))


def required_types(db: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the types of those of the fields that are pinned to one."""
    return dict(
        db.execute(
            """
            SELECT key, required_type
            FROM custom_fields
            WHERE key IN (SELECT value FROM json_each(:keys))
                AND required_type IS NOT NULL
            """,
            {"keys": json.dumps(list(keys))},
        )
    )


def check(change: Change, required: Mapping[str, str]) -> None:
    """Raises `InvalidInput` where a custom field that changes is not of its required type."""
    fields = change.after.custom_fields
    reasons = {
        key: [f"Must be {_NOUNS[required[key]]}: this field is pinned to that type."]
        for key in _given(change)
        if key in required and FIELD_TYPES[type(fields[key])] != required[key]
    }
    if reasons:
        raise InvalidInput({"custom_fields": reasons})


def _given(change: Change) -> list[str]:
    prefix = "custom_fields."
    keys = [name.removeprefix(prefix) for name in change.changed if name.startswith(prefix)]
    return [key for key in keys if key in change.after.custom_fields]
