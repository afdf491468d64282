"""Schemas of the bodies that name many contacts: `/v1/contacts/batch` and `/v1/contacts/lookup`."""

from typing import Any

from marshmallow import Schema, ValidationError

from app.web.fields import Parsed, boolean

MAX_ROWS = 1_000


def parse_rows(value: object) -> list[Any]:
    """Check the number of rows; each row is checked later, since each may fail alone."""
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        raise ValidationError(f"Must be an array of at most {MAX_ROWS} contacts.")
    return value


def parse_phones(value: object) -> list[Any]:
    """Check the number of phones; each is read later, since each may fail alone."""
    if not isinstance(value, list) or len(value) > MAX_ROWS:
        raise ValidationError(f"Must be an array of at most {MAX_ROWS} phone numbers.")
    return value


class LookupSchema(Schema):
    phones = Parsed(
        parse_phones,
        {"type": "array", "maxItems": MAX_ROWS, "items": {"type": "string"}},
        required=True,
    )


class BatchSchema(Schema):
    contacts = Parsed(
        parse_rows, {"type": "array", "maxItems": MAX_ROWS, "items": {}}, required=True
    )
    atomic = boolean(load_default=False)
