"""What a client may send about custom fields."""

from marshmallow import Schema, fields, validate

from app.contacts.fields import MAX_NAME, Text
from app.contacts.model import FIELD_TYPES

TYPES = list(dict.fromkeys(FIELD_TYPES.values()))


class PinSchema(Schema):
    """The body of `PUT /v1/custom-fields/{key}`; what is left out is taken away."""

    label = Text(MAX_NAME)
    type = fields.String(
        allow_none=True,
        validate=validate.OneOf(TYPES, error="Must be string, number, boolean or null."),
    )
