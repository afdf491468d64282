"""Schema of the request that renames a tag."""

from marshmallow import Schema

from app.contacts.fields import TAG_SCHEMA, clean_tag
from app.web.fields import Parsed


class RenameSchema(Schema):
    """The body of `PATCH /v1/tags/{name}`."""

    name = Parsed(clean_tag, TAG_SCHEMA, required=True)
