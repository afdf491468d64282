"""What a client may send about a contact, checked and normalised."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS, Draft, FieldValue
from app.contacts.phone import EXAMPLE, PhoneError, normalise

MAX_NAME = 255
MAX_EMAIL = 254
MAX_TAG = 100
MAX_KEY = 64
MAX_VALUE = 4_096
MAX_INTEGER = 2**53

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_VALUE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_EMAIL = validate.Email(error='Not a valid e-mail address, such as "priya@example.com".')


def clean_text(value: object, longest: int) -> str:
    """Trim and compose (NFC) a line of text; it may come out empty."""
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    text = unicodedata.normalize("NFC", value.strip())
    if len(text) > longest:
        raise ValidationError(f"Must be at most {longest} characters.")
    if _CONTROL.search(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")
    return text


def clean_tag(value: object) -> str:
    tag = clean_text(value, MAX_TAG)
    if not tag:
        raise ValidationError(f"A tag has 1 to {MAX_TAG} characters.")
    return tag


class _Text(fields.Field[str | None]):
    """A line of text; empty means unset."""

    def __init__(self, longest: int, validate: Any = None) -> None:
        super().__init__(allow_none=True)
        self._longest = longest
        self._check = validate

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        text = clean_text(value, self._longest) or None
        if text and self._check:
            self._check(text)
        return text


class _Phone(fields.Field[str]):
    default_error_messages = {  # noqa: RUF012
        "required": f'Required: a number with its country code, such as "{EXAMPLE}".',
        "null": f'Must be a string of digits with the country code, such as "{EXAMPLE}".',
    }

    def __init__(self) -> None:
        super().__init__(required=True)
        self.check = "possible"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("null")
        try:
            return normalise(value, self.check)
        except PhoneError as error:
            raise ValidationError(str(error)) from None


class _Tags(fields.Field[tuple[str, ...] | None]):
    """An array of tags; duplicates collapse to the first."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError('Must be an array of strings, such as ["VIP", "Lead"].')
        tags: dict[str, None] = {}
        errors: dict[str, Any] = {}
        for index, each in enumerate(value):
            try:
                tags[clean_tag(each)] = None
            except ValidationError as error:
                errors[str(index)] = error.messages
        if errors:
            raise ValidationError(errors)
        if len(tags) > MAX_TAGS:
            raise ValidationError(f"A contact has at most {MAX_TAGS} tags.")
        return tuple(tags)


class _CustomFields(fields.Field[Mapping[str, FieldValue | None] | None]):
    """An object of plain values; a null value is as good as absent, unless nulls are kept."""

    def __init__(self, *, keep_nulls: bool = False) -> None:
        super().__init__(allow_none=True)
        self._keep_nulls = keep_nulls

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Mapping[str, FieldValue | None]:
        if not isinstance(value, dict):
            raise ValidationError('Must be an object, such as {"plan": "pro"}.')
        if len(value) > MAX_CUSTOM_FIELDS:
            raise ValidationError(f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields.")
        result: dict[str, FieldValue | None] = {}
        errors: dict[str, Any] = {}
        for key, each in value.items():
            try:
                name = clean_key(key)
                if name in result:
                    raise ValidationError("Given twice, with different spaces around it.")
                if each is not None:
                    result[name] = clean_value(each)
                elif self._keep_nulls:
                    result[name] = None
            except ValidationError as error:
                errors[key[:MAX_KEY]] = error.messages
        if errors:
            raise ValidationError(errors)
        return result


def clean_key(value: str) -> str:
    key = clean_text(value, MAX_KEY)
    if not key or "[" in key or "]" in key:
        raise ValidationError(f"A key has 1 to {MAX_KEY} characters, none of them [ or ].")
    return key


def clean_value(value: object) -> FieldValue:
    """Check a custom field's value; it is kept exactly as it came."""
    match value:
        case bool():
            return value
        case int() if abs(value) > MAX_INTEGER:
            raise ValidationError("An integer must be within ±2^53: send it as a string.")
        case float() if not math.isfinite(value):
            raise ValidationError("A number must be finite.")
        case int() | float():
            return value
        case str() if len(value) > MAX_VALUE:
            raise ValidationError(f"Must be at most {MAX_VALUE} characters.")
        case str() if _CONTROL_IN_VALUE.search(value):
            raise ValidationError("Must not contain control characters or lone surrogates.")
        case str():
            return value
    raise ValidationError("Must be a string, a number or a boolean: nested values are not stored.")


class ContactSchema(Schema):
    """The body of `POST /v1/contacts` ("Create or Update Contact" in the vendor's docs)."""

    phone = _Phone()
    first_name = _Text(MAX_NAME)
    last_name = _Text(MAX_NAME)
    email = _Text(MAX_EMAIL, validate=_EMAIL)
    tags = _Tags(allow_none=True)
    custom_fields = _CustomFields()
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)

    def __init__(self, phone_check: str = "possible") -> None:
        super().__init__()
        cast(_Phone, self.fields["phone"]).check = phone_check

    @post_load
    def _to_draft(self, data: dict[str, Any], **_: Any) -> Draft:
        if data.get("custom_fields") is None:
            data["custom_fields"] = {}
        return Draft(**data)


class PatchSchema(Schema):
    """The body of `PATCH /v1/contacts/{id}`, a JSON merge patch (RFC 7396)."""

    first_name = _Text(MAX_NAME)
    last_name = _Text(MAX_NAME)
    email = _Text(MAX_EMAIL, validate=_EMAIL)
    tags = _Tags(allow_none=True)
    custom_fields = _CustomFields(keep_nulls=True)
    phone = fields.Raw()
    id = fields.String(dump_only=True)
    created_at = fields.String(dump_only=True)
    updated_at = fields.String(dump_only=True)


class TagsSchema(Schema):
    """The body of `POST /v1/contacts/{id}/tags`."""

    tags = _Tags(required=True)


class MergeSchema(Schema):
    """The body of `POST /v1/contacts/{id}/merge`."""

    from_ = fields.String(required=True, data_key="from", validate=validate.Length(max=100))


@dataclass(frozen=True)
class ListQuery:
    limit: int = 20
    offset: int = 0
    tag: str | None = None
    include: frozenset[str] = frozenset()


class _Digits(fields.Field[int]):
    """A whole number in plain ASCII digits, never clamped."""

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__()
        self._lowest, self._highest = lowest, highest

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if value.isascii() and value.isdigit() and self._lowest <= int(value[:20]) <= self._highest:
            return int(value)
        raise ValidationError(f"Must be a whole number from {self._lowest} to {self._highest}.")


class _Tag(fields.Field[str]):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        return clean_tag(value)


class _Flag(fields.Field[bool]):
    """`true` or `false`, as words."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class _Include(fields.Field[frozenset[str]]):
    """A comma list of what the documented view leaves out."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:
        names = frozenset(value.split(","))
        if not names <= {"custom_fields", "updated_at"}:
            raise ValidationError("Must be custom_fields, updated_at, or both with a comma.")
        return names


class ListQuerySchema(Schema):
    """The query of `GET /v1/contacts` ("Retrieve Contacts List" in the vendor's docs)."""

    limit = _Digits(1, 100)
    offset = _Digits(0, 2**31 - 1)
    tag = _Tag()
    include = _Include()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> ListQuery:
        return ListQuery(**data)


@dataclass(frozen=True)
class UpsertQuery:
    dry_run: bool = False


class UpsertQuerySchema(Schema):
    """The query of `POST /v1/contacts`."""

    dry_run = _Flag()

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> UpsertQuery:
        return UpsertQuery(**data)
