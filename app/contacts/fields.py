"""The fields of the schemas: each checks one value and normalises it."""

import math
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS, FieldValue
from app.contacts.phone import EXAMPLE, PhoneError, normalise
from app.web.fields import MAX_REASONS, clean_text

MAX_NAME = 255
MAX_EMAIL = 254
MAX_TAG = 100
MAX_KEY = 64
MAX_VALUE = 4_096
MAX_INTEGER = 2**53
MAX_GIVEN = 1_000  # So many tags or fields are looked at before duplicates and nulls go.

_CONTROL_IN_VALUE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
EMAIL = validate.Email(error='Not a valid e-mail address, such as "priya@example.com".')


def clean_tag(value: object) -> str:
    tag = clean_text(value, MAX_TAG)
    if not tag:
        raise ValidationError(f"A tag has 1 to {MAX_TAG} characters.")
    return tag


class Text(fields.Field[str | None]):
    """A line of text; empty means unset."""

    def __init__(self, longest: int, validate: Any = None) -> None:
        super().__init__(allow_none=True)
        self.longest = longest
        self.check = validate

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        text = clean_text(value, self.longest) or None
        if text and self.check:
            self.check(text)
        return text


class Phone(fields.Field[str]):
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


class Tags(fields.Field[tuple[str, ...] | None]):
    """An array of tags; duplicates collapse to the first."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValidationError('Must be an array of strings, such as ["VIP", "Lead"].')
        if len(value) > MAX_GIVEN:
            raise ValidationError(f"A contact has at most {MAX_TAGS} tags.")
        tags: dict[str, None] = {}
        errors: dict[str, Any] = {}
        for index, each in enumerate(value):
            try:
                tags[clean_tag(each)] = None
            except ValidationError as error:
                errors[str(index)] = error.messages
            if len(errors) == MAX_REASONS:
                break
        if errors:
            raise ValidationError(errors)
        if len(tags) > MAX_TAGS:
            raise ValidationError(f"A contact has at most {MAX_TAGS} tags.")
        return tuple(tags)


class CustomFields(fields.Field[Mapping[str, FieldValue | None] | None]):
    """An object of plain values; a null value is as good as absent, unless nulls are kept."""

    def __init__(self, *, keep_nulls: bool = False) -> None:
        super().__init__(allow_none=True)
        self._keep_nulls = keep_nulls

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Mapping[str, FieldValue | None]:
        if not isinstance(value, dict):
            raise ValidationError('Must be an object, such as {"plan": "pro"}.')
        if len(value) > MAX_GIVEN:
            raise ValidationError(f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields.")
        result = self._checked(value)
        if sum(each is not None for each in result.values()) > MAX_CUSTOM_FIELDS:
            raise ValidationError(f"A contact has at most {MAX_CUSTOM_FIELDS} custom fields.")
        return result

    def _checked(self, value: Mapping[str, object]) -> dict[str, FieldValue | None]:
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
            if len(errors) == MAX_REASONS:
                break
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


class Include(fields.Field[frozenset[str]]):
    """What the documented view leaves out: a comma list, or an array in JSON."""

    names = ("custom_fields", "updated_at")

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list) or not all(name in self.names for name in given):
            raise ValidationError("Must be custom_fields, updated_at, or both with a comma.")
        return frozenset(given)
