"""What a client may send about tags."""

from typing import Any

from marshmallow import Schema, fields

from app.contacts.fields import clean_tag


class Name(fields.Field[str]):
    """The name of a tag."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        return clean_tag(value)


class RenameSchema(Schema):
    """The body of `PATCH /v1/tags/{name}`."""

    name = Name(required=True)
