"""Fields, and checks of text, that every feature shares."""

import re
import unicodedata
from typing import Any

from marshmallow import ValidationError, fields

MAX_REASONS = 20  # So many values at fault are told of in one answer.
_MAX_MARKS = 30  # On one letter, as in Unicode's Stream-Safe Text Format (UAX #15).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(value: object, longest: int) -> str:
    """Trim and compose (NFC) a line of text; it may come out empty."""
    if not isinstance(value, str):
        raise ValidationError("Must be a string.")
    text = value.strip()
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text
    # Before composing, which makes one character of at most four, and whose time grows with the
    # square of a run of combining marks.
    if len(value) > longest and (len(value) > 4 * longest + 100 or _has_long_run(value)):
        raise ValidationError(f"Must be at most {longest} characters.")
    text = unicodedata.normalize("NFC", text)
    if len(text) > longest:
        raise ValidationError(f"Must be at most {longest} characters.")
    if _CONTROL.search(text):
        raise ValidationError("Must not contain control characters or lone surrogates.")
    return text


def _has_long_run(text: str) -> bool:
    run = 0
    for each in text:
        run = run + 1 if unicodedata.combining(each) else 0
        if run > _MAX_MARKS:
            return True
    return False


# In place of marshmallow's own, which do not say what to do.
fields.Field.default_error_messages |= {
    "required": "Required: it must not be left out.",
    "null": "Must not be null: leave it out, unless it is required.",
}


class Digits(fields.Field[int]):
    """A whole number in plain ASCII digits, or as a number in JSON (20.0 is one); never clamped."""

    def __init__(self, lowest: int, highest: int) -> None:
        super().__init__()
        self.lowest, self.highest = lowest, highest

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value.lstrip("0")[:20] or "0")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and self.lowest <= value <= self.highest:
            return value
        raise ValidationError(f"Must be a whole number from {self.lowest} to {self.highest}.")


class Flag(fields.Field[bool]):
    """`true` or `false`, as words."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return bool(value == "true")


class Boolean(fields.Field[bool]):
    """`true` or `false` in JSON, and nothing that only looks like one."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Must be true or false.")
        return value
