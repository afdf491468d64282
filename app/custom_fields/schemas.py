"""Schema of the request that pins a custom field."""

from marshmallow import Schema, fields, validate

from app.contacts.fields import name_field
from app.contacts.model import FIELD_TYPES

TYPES = list(dict.fromkeys(FIELD_TYPES.values()))


class PinSchema(Schema):
    """The body of `PUT /v1/custom-fields/{key}`; a field left out is removed from the pin."""

    label = name_field()
    type = fields.String(
        allow_none=True,
        validate=validate.OneOf(TYPES, error="Must be string, number, boolean or null."),
    )
