"""Checks and normalises the values that filters compare fields with."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from app.contacts.fields import MAX_NAME, clean_value, parse_phone
from app.contacts.phone import MAX_LENGTH
from app.contacts.values import NUMBER
from app.search.dates import PATTERN, is_relative
from app.web.fields import JsonSchema, clean_text, clean_word, is_blank

CUSTOM = "custom_fields."
ORDERED = ("gt", "gte", "lt", "lte")
SEARCHING = ("contains", "starts_with")
_DAY = (
    "(?:[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|"
    "[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|[12][0-9](?:[02468][048]|[13579][26])-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
# One pattern without unions, which generators of clients read as a string.
INSTANT_SCHEMA: JsonSchema = {
    "type": "string",
    "pattern": f"^(?:{_DAY}[Tt]{_TIME}(?:[Zz]|[+-](?:0[0-9]|1[0-4]):?[0-5][0-9])|{PATTERN})$",
}
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"([Zz]|[+ -][0-9]{2}:?[0-9]{2})"
)


def operand(field: str, op: str, value: object) -> Any:
    """Check the value that `op` compares a field with. Raises marshmallow's `ValidationError`."""
    if field.startswith(CUSTOM):
        return _custom_value(op, value)
    if field in ("created_at", "updated_at"):
        return str(value) if op in ORDERED and is_relative(value) else instant(value, op)
    if field in ("phone", "id"):
        return _digits(value) if op == "starts_with" else _phone(field, value)
    clean = clean_text if field in ("first_name", "last_name") else clean_word
    text = clean(value, MAX_NAME)  # The longest of names, e-mails and tags.
    if not text:
        raise ValidationError("Must not be empty: use exists to check for a value.")
    return text


def _custom_value(op: str, value: object) -> Any:
    if value is None:
        raise ValidationError("Must not be null: use exists to check for a value.")
    if value == "" or (isinstance(value, str) and op not in SEARCHING and is_blank(value)):
        raise ValidationError("Must not be empty, as no value is: use exists to check for a value.")
    value = clean_value(value)
    if op in ORDERED and isinstance(value, bool):
        raise ValidationError("Must be a number or a string: booleans have no order.")
    if op in SEARCHING and not isinstance(value, str):
        raise ValidationError("Must be a string.")
    return value


def _phone(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    stored = value.removeprefix("cnt_") if field == "id" else value
    if stored != value and stored.isascii() and stored.isdigit():
        return stored[:64]
    return parse_phone(stored)


def _digits(value: object) -> str:
    digits = phone_digits(value) if isinstance(value, str) else ""
    if not digits:
        raise ValidationError(
            'Must be the leading digits of a phone number with its country code, such as "9188".'
        )
    return digits


def phone_digits(text: str) -> str:
    """Return the leading digits of a phone number, or "" if `text` cannot be one."""
    if len(text) > MAX_LENGTH:
        return ""
    squeezed = re.sub(r"[\s().\-/]+", "", text)
    digits = squeezed.removeprefix("+")
    if digits == squeezed:
        digits = digits.removeprefix("00")
    return digits if digits.isascii() and digits.isdigit() else ""


def instant(value: object, op: str) -> str:
    """Return an RFC 3339 instant as contacts store it: in UTC, to the second.

    A fraction of a second is rounded so that `op` matches the same contacts.
    """
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValidationError(
            'Must be a date and time with its zone, such as "2026-06-02T08:00:00Z", or for an '
            "order now, today, -7d, +12h or -3mo."
        )
    try:
        # A space before the zone is a + that a client did not encode in a query string.
        zoned = value[:11].upper() + value[11:].upper().replace(" ", "+")
        parsed = datetime.fromisoformat(zoned).astimezone(UTC)
        whole = parsed.replace(microsecond=0)
        if whole != parsed:
            if op in ("eq", "ne"):
                raise ValidationError("Must be in whole seconds, as stored times are.")
            if op in ("gte", "lt"):
                whole += timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise ValidationError("This date or time does not exist.") from None
    return f"{whole.replace(tzinfo=None).isoformat()}Z"


def readings(text: str) -> list[Any]:
    """Return every value that a text can mean: itself, then a boolean or a number."""
    if text in ("true", "false"):
        return [text, text == "true"]
    if not NUMBER.fullmatch(text):
        return [text]
    number = float(text)
    if not math.isfinite(number):
        return [text]
    whole = re.fullmatch(r"-?[0-9]{1,15}", text)
    return [text, int(text) if whole else number]


def is_number(text: str) -> bool:
    return bool(NUMBER.fullmatch(text))
