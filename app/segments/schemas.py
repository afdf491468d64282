"""Schemas of the requests about segments."""

from typing import Any

from marshmallow import Schema, ValidationError

from app.segments import filters
from app.segments.model import MAX_NAME
from app.web.fields import Parsed, boolean, clean_text


def clean_name(value: object) -> str:
    name = clean_text(value, MAX_NAME)
    if not name:
        raise ValidationError(f"A segment's name has 1 to {MAX_NAME} characters.")
    return name


def parse_filter(value: Any) -> str:
    """Return the JSON of a filter that was checked."""
    filters.parse(value)
    return filters.encode(value)


class SegmentSchema(Schema):
    """The body of `PUT /v1/segments/{name}`."""

    filter = Parsed(
        parse_filter, {"type": "object", "$ref": "#/components/schemas/Filter"}, required=True
    )
    notify = boolean()
