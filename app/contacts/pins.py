"""The types that custom fields are pinned to."""

from app.contacts.model import FIELD_TYPES, Change
from app.database import Connection
from app.errors import ValidationError

_NOUNS = {"string": "a string", "number": "a number", "boolean": "a boolean"}


def check_types(db: Connection, change: Change) -> None:
    """Raises `ValidationError` where a custom field that changes has another type than its pin."""
    fields = change.after.custom_fields
    prefix = "custom_fields."
    keys = [name.removeprefix(prefix) for name in change.changed if name.startswith(prefix)]
    given = [key for key in keys if key in fields]
    if not given:
        return
    parameters: dict[str, object] = {f"key{index}": key for index, key in enumerate(given)}
    pinned = db.execute(
        f"""
        SELECT key, required_type
        FROM custom_fields
        WHERE key IN ({", ".join(f":{name}" for name in parameters)})
            AND required_type IS NOT NULL
        """,
        parameters,
    )
    reasons = {
        key: [f"Must be {_NOUNS[type_]}: this field is pinned to that type."]
        for key, type_ in pinned
        if FIELD_TYPES[type(fields[key])] != type_
    }
    if reasons:
        raise ValidationError({"custom_fields": reasons})
