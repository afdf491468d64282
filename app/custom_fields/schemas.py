"""Schema of the request that pins a custom field."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.contacts.fields import name_field
from app.contacts.values import TYPES
from app.web.fields import boolean


class PinSchema(Schema):
    """The body of `PUT /v1/custom-fields/{key}`; a field left out is removed from the pin."""

    label = name_field()
    type = fields.String(
        allow_none=True,
        validate=validate.OneOf(TYPES, error=f"Must be {', '.join(TYPES)} or null."),
    )
    convert = boolean(load_default=False)

    @validates_schema
    def _check_type(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("convert") and data.get("type") is None:
            raise ValidationError("Needs a type to convert to.", "convert")
