"""The field class of all schemas, and the checks of text, numbers and flags that features share."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from marshmallow import ValidationError, fields

T = TypeVar("T")
JsonSchema = Mapping[str, Any]

MAX_REASONS = 20  # Invalid values that one response reports.
_MAX_MARKS = 30  # Combining marks in a row, as in Unicode's Stream-Safe Text Format (UAX #15).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# Marks that show nothing and carry no meaning: soft hyphen, zero-width space, directions, BOM.
# Joiners and variation selectors are not among them: they shape letters and emoji.
_MARKS = r"\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
# These carry meaning beside others only: joiners, variation selectors, fillers, an empty pattern.
_ALONE = r"\u034f\u115f\u1160\u180b-\u180f\u200c\u200d\u2061-\u2064\u2800\u3164\ufe00-\ufe0f\uffa0"
_INVISIBLE = re.compile(f"[{_MARKS}]+")
# A run is looked at from its first character alone: from each, it takes time that grows with its
# square, with the interpreter held.
_ENDS = re.compile(rf"^[\s{_MARKS}]+|[\s{_MARKS}](?<![\s{_MARKS}]{{2}})[\s{_MARKS}]*\Z")
_BLANK = re.compile(rf"[\s{_MARKS}{_ALONE}]*")

# The same limits as patterns of JSON Schema. Spaces at the ends are trimmed, not rejected.
CONTROL = r"\u0000-\u001f\u007f-\u009f"
FIRST = rf"\s{CONTROL}{_MARKS}{_ALONE}"
LAST = rf"\s{CONTROL}{_MARKS}"
FULL_LINE = rf"^[^{FIRST}]([^{CONTROL}]*[^{LAST}])?$"
LINE = rf"^([^{FIRST}]([^{CONTROL}]*[^{LAST}])?)?$"

# These replace marshmallow's own, which do not say what to do.
fields.Field.default_error_messages |= {
    "required": "Required: it must not be left out.",
    "null": "Must not be null: leave it out, unless it is required.",
}


class Parsed(fields.Field[T]):
    """A field that `parse` checks and normalises; the API documentation shows its JSON `schema`.

    `parse` raises marshmallow's `ValidationError`; it is not called for null with `allow_none`.
    """

    def __init__(self, parse: Callable[[Any], T], schema: JsonSchema, **options: Any) -> None:
        super().__init__(**options)
        self.parse = parse
        self.schema = schema

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> T:
        return self.parse(value)


def text(longest: int) -> Parsed[str]:
    """Accept one line of text; it is trimmed and may be empty."""
    schema = {"type": "string", "maxLength": longest, "pattern": LINE}
    return Parsed(lambda value: clean_text(value, longest), schema)


def digits(lowest: int, highest: int) -> Parsed[int]:
    """Accept a whole number: ASCII digits in a query, a number in JSON (20.0 is one)."""

    def parse(value: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value.lstrip("0")[:20] or "0")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and lowest <= value <= highest:
            return value
        raise ValidationError(f"Must be a whole number from {lowest} to {highest}.")

    format = "int32" if highest < 2**31 else "int64"
    schema = {"type": "integer", "format": format, "minimum": lowest, "maximum": highest}
    return Parsed(parse, schema)


def flag() -> Parsed[bool]:
    """Accept the words `true` and `false` of a query string."""
    return Parsed(parse_flag, {"type": "boolean"})


def boolean(**options: Any) -> Parsed[bool]:
    """Accept `true` and `false` of JSON."""
    return Parsed(parse_boolean, {"type": "boolean"}, **options)


def parse_flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValidationError("Must be true or false.")
    return bool(value == "true")


def parse_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValidationError("Must be true or false.")
    return value


def clean_text(value: object, longest: int) -> str:
    """Trim and compose (NFC) one line of text; the result is empty where it shows nothing."""
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    text = value.strip()
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text
    if is_blank(text):
        return ""
    text = _ENDS.sub("", text)
    # Check the length before composing: NFC joins at most four characters into one, and takes
    # time that grows with the square of a run of combining marks.
    if len(value) > longest and (len(value) > 4 * longest + 100 or _has_long_run(value)):
        raise ValidationError(f"Must be at most {longest} characters.")
    text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise ValidationError(f"Must be at most {longest} characters.")
    if _CONTROL.search(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")
    return text


def clean_word(value: object, longest: int) -> str:
    """Clean a text as `clean_text` does, and remove invisible characters inside it.

    Names that programs compare, such as tags, must not differ by what nobody sees.
    """
    if isinstance(value, str) and not value.isascii():
        value = without_invisible(value)
    return clean_text(value, longest)


def clean_frequent_word(value: object, longest: int) -> str:
    """Clean a word that rows of a file and requests name again and again, such as a tag."""
    if isinstance(value, str) and len(value) <= longest:
        return _cleaned(value, longest)
    return clean_word(value, longest)


_cleaned = lru_cache(maxsize=2_048)(clean_word)


def without_invisible(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", text)


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: white space and invisible characters alone."""
    return bool(_BLANK.fullmatch(text))


def _has_long_run(text: str) -> bool:
    run = 0
    for each in text:
        run = run + 1 if unicodedata.combining(each) else 0
        if run > _MAX_MARKS:
            return True
    return False
