"""Converts values of custom fields to the type that a field is pinned to, where nothing is lost.

Examples: "12" becomes the number 12, and 12 the string "12"; "2026-06-02T10:00:00+02:00" becomes
the datetime "2026-06-02T08:00:00Z". "12E400", "007" and "next week" stay what they are: texts.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

from app.contacts.model import MAX_INTEGER, FieldValue

NOUNS = {
    "string": "a string",
    "number": "a number",
    "boolean": "a boolean",
    "date": 'a date, such as "2026-06-02"',
    "datetime": 'a date and time with its zone, such as "2026-06-02T08:00:00Z"',
}
TYPES = tuple(NOUNS)
DATES = ("date", "datetime")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(\.[0-9]{1,9})?)?"
    r"([Zz]|[+ -][0-9]{2}:?[0-9]{2})"
)
_MIDNIGHT = "T00:00:00Z"
_EXACT_DIGITS = 15  # A double keeps this many decimal digits.


class NotConvertible(ValueError):
    """A value that cannot become one of a type without a loss."""


def convert(value: FieldValue, type_: str) -> FieldValue:
    """Return a value as one of a type in `TYPES`. Raises `NotConvertible`."""
    return _CONVERSIONS[type_](value)


def _to_string(value: FieldValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _to_number(value: FieldValue) -> FieldValue:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise NotConvertible
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not NUMBER.fullmatch(text):
        raise NotConvertible
    if re.fullmatch("-?[0-9]{1,16}", text):
        if abs(number := int(text)) > MAX_INTEGER:
            raise NotConvertible
        return number
    real = float(text)
    digits = re.split("[eE]", text)[0].lstrip("-").replace(".", "").strip("0")
    if len(digits) > _EXACT_DIGITS or not math.isfinite(real) or (real == 0) != (not digits):
        raise NotConvertible
    return real


def _to_boolean(value: FieldValue) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and (word := value.strip().lower()) in ("true", "false"):
        return word == "true"
    raise NotConvertible


def _to_date(value: FieldValue) -> str:
    if not isinstance(value, str):
        raise NotConvertible
    text = value.strip()
    if not _DATE.fullmatch(text):
        text, midnight, rest = _to_datetime(text).partition(_MIDNIGHT)
        if not midnight or rest:
            raise NotConvertible
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise NotConvertible from None


def _to_datetime(value: FieldValue) -> str:
    """Return an instant in UTC, with the fraction of a second that it was given with."""
    if not isinstance(value, str):
        raise NotConvertible
    text = value.strip()
    if _DATE.fullmatch(text):
        return _to_date(text) + _MIDNIGHT
    if not (match := _DATETIME.fullmatch(text)):
        raise NotConvertible
    day, minute, second, fraction, zone = match.groups()
    # A space before the zone is a + that a client did not encode in a query string.
    zone = zone.upper().replace(" ", "+")
    try:
        instant = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotConvertible from None
    kept = (fraction or "").rstrip("0").rstrip(".")
    return f"{instant.replace(tzinfo=None).isoformat()}{kept}Z"


_CONVERSIONS: dict[str, Callable[[FieldValue], FieldValue]] = {
    "string": _to_string,
    "number": _to_number,
    "boolean": _to_boolean,
    "date": _to_date,
    "datetime": _to_datetime,
}
