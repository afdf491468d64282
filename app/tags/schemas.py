"""What a client may send about tags."""

from marshmallow import Schema

from app.contacts.fields import Tag


class RenameSchema(Schema):
    """The body of `PATCH /v1/tags/{name}`."""

    name = Tag(required=True)
