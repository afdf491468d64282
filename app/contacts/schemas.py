"""What a client may send about contacts: bodies and query strings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from marshmallow import Schema, fields, post_load, validate
from marshmallow import ValidationError as Refused

from app.contacts.fields import (
    EMAIL,
    MAX_EMAIL,
    MAX_NAME,
    CustomFields,
    Phone,
    Tags,
    Text,
)
from app.contacts.model import Draft
from app.web.fields import Flag
from app.web.loading import load


class ContactSchema(Schema):
    """The body of `POST /v1/contacts` ("Create or Update Contact" in the vendor's docs)."""

    phone = Phone()
    first_name = Text(MAX_NAME)
    last_name = Text(MAX_NAME)
    email = Text(MAX_EMAIL, validate=EMAIL)
    tags = Tags(allow_none=True)
    custom_fields = CustomFields()
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)

    def __init__(self, phone_check: str = "possible") -> None:
        super().__init__()
        cast(Phone, self.fields["phone"]).check = phone_check
        self._checks = {name: each._deserialize for name, each in self.load_fields.items()}

    def draft(self, values: Mapping[str, Any]) -> Draft:
        """Check a row as `load` does, by the same fields but without what goes on around them.

        That halves the price of a row; what is at fault goes the whole way, for its reasons.
        """
        try:
            return Draft(
                **{
                    name: self._checks[name](value, name, values)
                    for name, value in values.items()
                    if value is not None
                }
            )
        except (KeyError, TypeError, Refused):
            draft: Draft = load(self, values)
            return draft

    @post_load
    def _to_draft(self, data: dict[str, Any], **_: Any) -> Draft:
        if data.get("custom_fields") is None:
            data["custom_fields"] = {}
        return Draft(**data)


@cache
def contact_schema(phone_check: str) -> ContactSchema:
    """Return the one schema for contacts whose phones are checked this way."""
    return ContactSchema(phone_check)


class PatchSchema(Schema):
    """The body of `PATCH /v1/contacts/{id}`, a JSON merge patch (RFC 7396)."""

    first_name = Text(MAX_NAME)
    last_name = Text(MAX_NAME)
    email = Text(MAX_EMAIL, validate=EMAIL)
    tags = Tags(allow_none=True)
    custom_fields = CustomFields(keep_nulls=True)
    phone = fields.Raw(allow_none=True)
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)


class TagsSchema(Schema):
    """The body of `POST /v1/contacts/{id}/tags`."""

    tags = Tags(required=True)


class MergeSchema(Schema):
    """The body of `POST /v1/contacts/{id}/merge`."""

    from_ = fields.String(required=True, data_key="from", validate=validate.Length(max=100))


@dataclass(frozen=True)
class UpsertQuery:
    dry_run: bool = False


class UpsertQuerySchema(Schema):
    """The query of `POST /v1/contacts`."""

    dry_run = Flag()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> UpsertQuery:
        return UpsertQuery(**data)
