"""What a client may send to `POST /v1/contacts/batch`."""

from typing import Any

from marshmallow import Schema, ValidationError, fields

from app.web.fields import Boolean

MAX_ROWS = 1_000


class Rows(fields.Field[list[Any]]):
    """An array of upserts, which are checked one by one later: each may fail alone."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > MAX_ROWS:
            raise ValidationError(f"Must be an array of at most {MAX_ROWS} contacts.")
        return value


class BatchSchema(Schema):
    contacts = Rows(required=True)
    atomic = Boolean(load_default=False)
