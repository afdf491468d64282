"""The fields of a contact: how each value is checked and normalised, and its JSON Schema."""

import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from marshmallow import ValidationError, validate

from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_INTEGER, MAX_TAGS, FieldValue
from app.contacts.phone import EXAMPLE, MAX_LENGTH, PhoneError, normalise
from app.web.fields import (
    CONTROL,
    FIRST,
    FULL_LINE,
    LAST,
    LINE,
    MAX_REASONS,
    JsonSchema,
    Parsed,
    clean_frequent_word,
    clean_text,
    clean_word,
    is_blank,
)

MAX_NAME = 255
MAX_EMAIL = 254
MAX_TAG = 100
MAX_KEY = 64
MAX_VALUE = 4_096
MAX_GIVEN = 1_000  # Tags or fields in one request, before duplicates and nulls are removed.
INCLUDED = ("custom_fields", "updated_at", "aliases")

_CONTROL_IN_VALUE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
EMAIL = validate.Email(error='Not a valid e-mail address, such as "priya@example.com".')

# No anchors: a key stands alone, or inside the name of a field or a parameter.
KEY_PATTERN = rf"[^\[\]{FIRST}]([^\[\]{CONTROL}]{{0,{MAX_KEY - 2}}}[^\[\]{LAST}])?"
TEXT_SCHEMA: JsonSchema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "pattern": FULL_LINE,
}
TAG_SCHEMA: JsonSchema = {**TEXT_SCHEMA, "maxLength": MAX_TAG}
PHONE_SCHEMA: JsonSchema = {
    "type": "string",
    "format": "phone",
    "maxLength": MAX_LENGTH,
    "examples": [EXAMPLE],
}
_VALUE_CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
STRING_VALUE_SCHEMA: JsonSchema = {
    "type": "string",
    "maxLength": MAX_VALUE,
    "pattern": f"^[^{_VALUE_CONTROL}]*$",
}
COMPARED_STRING_SCHEMA: JsonSchema = {
    **STRING_VALUE_SCHEMA,
    "minLength": 1,
    "pattern": f"^[^{FIRST}][^{_VALUE_CONTROL}]*$",
}
COMPARED_LIST_SCHEMA: JsonSchema = {
    **COMPARED_STRING_SCHEMA,
    "pattern": f"^[^,{FIRST}][^,{_VALUE_CONTROL}]*(,[^,{FIRST}][^,{_VALUE_CONTROL}]*)*$",
    "description": "A comma list.",
}
_NO_PHONE = f'Must be a string of digits with the country code, such as "{EXAMPLE}".'


def name_field() -> Parsed[str | None]:
    """Accept one line of text; empty means unset."""
    schema = {"type": "string", "maxLength": MAX_NAME, "pattern": LINE}
    return Parsed(parse_name, schema, allow_none=True)


def parse_name(value: object) -> str | None:
    return clean_text(value, MAX_NAME) or None


def email_field() -> Parsed[str | None]:
    """Accept an e-mail address; empty means unset."""
    schema = {
        "type": "string",
        "maxLength": MAX_EMAIL,
        "format": "email",
    }
    return Parsed(parse_email, schema, allow_none=True)


def parse_email(value: object) -> str | None:
    address = clean_word(value, MAX_EMAIL)
    return EMAIL(address) if address else None


def phone_field() -> Parsed[str]:
    """Require a phone number."""
    required = f'Required: a number with its country code, such as "{EXAMPLE}".'
    messages = {"required": required, "null": _NO_PHONE}
    return Parsed(parse_phone, PHONE_SCHEMA, required=True, error_messages=messages)


def parse_phone(value: object, check: str = "possible") -> str:
    """Return the E.164 digits of a number; `check` is the setting `CONTACTS_PHONE_CHECK`."""
    if not isinstance(value, str):
        raise ValidationError(_NO_PHONE)
    try:
        return normalise(value, check)
    except PhoneError as error:
        raise ValidationError(str(error)) from None


def tags_field(**options: Any) -> Parsed[tuple[str, ...]]:
    """Accept an array of tags; a tag given twice keeps its first place."""
    schema = {"type": "array", "maxItems": MAX_TAGS, "items": TAG_SCHEMA}
    return Parsed(parse_tags, schema, **options)


def parse_tags(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValidationError('Must be an array of strings, such as ["VIP", "Lead"].')
    if len(value) > MAX_GIVEN:
        raise ValidationError(f"A contact has at most {MAX_TAGS} tags.")
    found: dict[str, None] = {}
    errors: dict[str, Any] = {}
    for index, each in enumerate(value):
        try:
            found[clean_tag(each)] = None
        except ValidationError as error:
            errors[str(index)] = error.messages
            if len(errors) == MAX_REASONS:
                break
    if errors:
        raise ValidationError(errors)
    if len(found) > MAX_TAGS:
        raise ValidationError(f"A contact has at most {MAX_TAGS} tags.")
    return tuple(found)


def clean_tag(value: object) -> str:
    tag = clean_frequent_word(value, MAX_TAG)
    if not tag:
        raise ValidationError(f"A tag has 1 to {MAX_TAG} characters.")
    return tag


def custom_fields_field(*, keep_nulls: bool = False) -> Parsed[Mapping[str, FieldValue | None]]:
    """Accept an object of plain values; null and blank text are left out unless `keep_nulls`."""
    schema = {
        "type": "object",
        "maxProperties": MAX_CUSTOM_FIELDS,
        "propertyNames": {"pattern": f"^{KEY_PATTERN}$"},
        # Generators of clients make their own class of a list of types, and 32-bit numbers.
        "additionalProperties": {"description": "A string, a number or a boolean."},
    }
    parse = partial(parse_custom_fields, keep_nulls=keep_nulls)
    return Parsed(parse, schema, allow_none=True)


def parse_custom_fields(
    value: object, *, keep_nulls: bool = False
) -> Mapping[str, FieldValue | None]:
    if not isinstance(value, dict):
        raise ValidationError('Must be an object, such as {"plan": "pro"}.')
    if len(value) > MAX_GIVEN:
        raise ValidationError(f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields.")
    found = _custom_fields(value, keep_nulls)
    if sum(each is not None for each in found.values()) > MAX_CUSTOM_FIELDS:
        raise ValidationError(f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields.")
    return found


def _custom_fields(value: Mapping[str, object], keep_nulls: bool) -> dict[str, FieldValue | None]:
    found: dict[str, FieldValue | None] = {}
    errors: dict[str, Any] = {}
    for given, each in value.items():
        try:
            key = clean_key(given)
            if key in found:
                raise ValidationError("Given twice: spaces around a key are ignored.")
            if each is not None and not (isinstance(each, str) and is_blank(each)):
                found[key] = clean_value(each)
            elif keep_nulls:
                found[key] = None
        except ValidationError as error:
            errors[given[:MAX_KEY]] = error.messages
            if len(errors) == MAX_REASONS:
                break
    if errors:
        raise ValidationError(errors)
    return found


def clean_key(value: str) -> str:
    key = clean_frequent_word(value, MAX_KEY)
    if not key or "[" in key or "]" in key:
        raise ValidationError(f"A key has 1 to {MAX_KEY} characters, none of them [ or ].")
    return key


def clean_value(value: object) -> FieldValue:
    """Check the value of a custom field and return it unchanged."""
    match value:
        case bool():
            return value
        case int() if abs(value) > MAX_INTEGER:
            raise ValidationError("An integer must be within ±(2^53 - 1): send it as a string.")
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


def include_field() -> Parsed[frozenset[str]]:
    """Accept fields to add to the documented view: a comma list, or an array in JSON."""
    return Parsed(
        parse_include, {"type": "array", "items": {"type": "string", "enum": list(INCLUDED)}}
    )


def parse_include(value: object) -> frozenset[str]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(each in INCLUDED for each in names):
        raise ValidationError("Must be custom_fields, updated_at or aliases, separated by commas.")
    return frozenset(names)
