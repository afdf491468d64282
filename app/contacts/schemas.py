"""Schemas of the requests about one contact: bodies and query strings."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from marshmallow import Schema, fields, post_load, validate
from marshmallow import ValidationError as FieldError

from app.contacts.fields import (
    custom_fields_field,
    email_field,
    include_field,
    name_field,
    parse_phone,
    phone_field,
    tags_field,
)
from app.contacts.model import Draft
from app.web.fields import Parsed, digits, flag
from app.web.loading import load


class ContactSchema(Schema):
    """The body of `POST /v1/contacts` ("Create or Update Contact" in the vendor's docs)."""

    phone = phone_field()
    first_name = name_field()
    last_name = name_field()
    email = email_field()
    tags = tags_field(allow_none=True)
    custom_fields = custom_fields_field()
    add_tags = tags_field(allow_none=True)
    remove_tags = tags_field(allow_none=True)
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)

    def __init__(self, phone_check: str = "possible") -> None:
        super().__init__()
        cast(Parsed[str], self.fields["phone"]).parse = partial(parse_phone, check=phone_check)
        fields = cast(Mapping[str, Parsed[Any]], self.load_fields)
        self._parse = {name: each.parse for name, each in fields.items()}

    def draft(self, values: Mapping[str, Any], *, phone: str | None = None) -> Draft:
        """Check a row as `load` does, but call the parsers directly.

        This takes less than half the time. An invalid row goes through `load` for its reasons.
        `phone` is E.164 digits that were checked before; `values` then has none.
        """
        parse = self._parse
        given: dict[str, Any] = {} if phone is None else {"phone": phone}
        try:
            for name, value in values.items():
                check = parse[name]
                if value is not None:
                    given[name] = check(value)
            return _draft(given)
        except (KeyError, TypeError, FieldError):
            known = {} if phone is None else {"phone": phone}
            draft: Draft = load(self, {**values, **known})
            return draft

    @post_load
    def _to_draft(self, data: dict[str, Any], **_: Any) -> Draft:
        return _draft({name: value for name, value in data.items() if value is not None})


def _draft(given: dict[str, Any]) -> Draft:
    """Raises marshmallow's `ValidationError` where lists of tags contradict each other."""
    reasons: dict[str, list[str]] = {}
    if "tags" in given:
        for name in ("add_tags", "remove_tags"):
            if name in given:
                reasons[name] = ["Must be left out with tags, which replaces all of them."]
    removed = given.get("remove_tags")
    if removed and (both := set(given.get("add_tags", ())).intersection(removed)):
        reasons["remove_tags"] = [f'Has "{min(both)}", which is also in add_tags.']
    if reasons:
        raise FieldError(reasons)
    return Draft(**given)


@cache
def contact_schema(phone_check: str) -> ContactSchema:
    """Return the shared schema for this setting of `CONTACTS_PHONE_CHECK`."""
    return ContactSchema(phone_check)


class PatchSchema(Schema):
    """The body of `PATCH /v1/contacts/{id}`, a JSON merge patch (RFC 7396)."""

    first_name = name_field()
    last_name = name_field()
    email = email_field()
    tags = tags_field(allow_none=True)
    custom_fields = custom_fields_field(keep_nulls=True)
    phone = fields.Raw(allow_none=True)
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)


class TagsSchema(Schema):
    """The body of `POST /v1/contacts/{id}/tags`."""

    tags = tags_field(required=True)


class MergeSchema(Schema):
    """The body of `POST /v1/contacts/{id}/merge`."""

    from_ = fields.String(required=True, data_key="from", validate=validate.Length(max=100))


class ContactQuerySchema(Schema):
    """The query of `GET /v1/contacts/{id}`."""

    include = include_field()


@dataclass(frozen=True)
class UpsertQuery:
    dry_run: bool = False
    match_twins: bool = False


class UpsertQuerySchema(Schema):
    """The query of `POST /v1/contacts` and `POST /v1/contacts/batch`."""

    dry_run = flag()
    match_twins = flag()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> UpsertQuery:
        return UpsertQuery(**data)


START = "start"  # The cursor of a first page.


def parse_cursor(text: str) -> int | None:
    """Return the number of the event before which a page begins, None for the first page."""
    if text == START:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) < 2**63:
        return int(text)
    raise FieldError(
        f"Not a cursor of a history: begin with cursor={START}, continue with next_cursor."
    )


@dataclass(frozen=True)
class HistoryQuery:
    limit: int = 20
    cursor: int | None = None


class HistoryQuerySchema(Schema):
    """The query of `GET /v1/contacts/{id}/history`."""

    limit = digits(1, 100)
    cursor = Parsed(parse_cursor, {"type": "string", "pattern": f"^({START}|[0-9]{{1,19}})$"})

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> HistoryQuery:
        return HistoryQuery(**data)
