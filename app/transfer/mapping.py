"""Reads what a person says about columns: `Mobile=phone,Notes=`."""

import re
from collections import Counter
from collections.abc import Iterable

from marshmallow import ValidationError

from app.contacts.fields import clean_key
from app.contacts.values import TYPES
from app.search.operands import CUSTOM
from app.web.loading import printable_name

FIELDS = ("phone", "first_name", "last_name", "email", "tags")
CARRIED = ("id", "created_at", "updated_at", "aliases")
# What a column can hold beside the fields of a contact.
PARTS = ("full_name", "area_code", "country_code", "country")
ANY = "any"  # Ends a key that itself ends with the name of a type.
SKIPPED = ""
MAX_PAIRS = 1_000
_ESCAPED = re.compile(r"\\([,\\])")
_PAIRS = re.compile(r"(?:[^,\\]|\\.|\\$)+", re.DOTALL)


def parse_mapping(texts: Iterable[str]) -> dict[str, str]:
    """Read `Mobile=phone,Plan=custom_fields.plan`; `Notes=` leaves a column out.

    A comma or backslash in a name is escaped by a backslash. Raises marshmallow's
    `ValidationError`.
    """
    mapping: dict[str, str] = {}
    for pair in (each for text in texts for each in _pairs(text)):
        name, equals, target = pair.rpartition("=")
        if not equals or not name.strip():
            raise ValidationError("Must be COLUMN=FIELD pairs, separated by commas.")
        if name.strip() in mapping:
            raise ValidationError(f'The column "{printable_name(name)}" is mapped twice.')
        mapping[name.strip()] = _target(target.strip())
    if len(mapping) > MAX_PAIRS:
        raise ValidationError(f"At most {MAX_PAIRS} columns.")
    counts = Counter(target.partition(":")[0] for target in mapping.values() if target)
    if twice := next((target for target, count in counts.items() if count > 1), None):
        raise ValidationError(f"Two columns for {printable_name(twice)}: leave one out with NAME=")
    return mapping


def _pairs(text: str) -> list[str]:
    return [_ESCAPED.sub(r"\1", pair) for pair in _PAIRS.findall(text) if pair.strip()]


def _target(name: str) -> str:
    if name.startswith(CUSTOM):
        key, type_ = split_type(name.removeprefix(CUSTOM))
        return CUSTOM + clean_key(key) + (f":{type_}" if type_ else "")
    if name not in (SKIPPED, *FIELDS, *CARRIED, *PARTS):
        known = ", ".join((*FIELDS, *CARRIED, *PARTS))
        raise ValidationError(f'No field "{printable_name(name)}": use {known} or {CUSTOM}KEY.')
    return name


def untyped(key: str) -> str:
    """Return the name of an exported field, which no import reads as a key with a type."""
    return f"{key}:{ANY}" if split_type(key)[1] else key


def split_type(key: str) -> tuple[str, str | None]:
    """Split `age:number` into the key and the type; None where no type is named."""
    name, colon, type_ = key.rpartition(":")
    return (name, type_) if colon and type_ in (*TYPES, ANY) else (key, None)


def escaped(name: str) -> str:
    """Return a column's name as it is written in a mapping."""
    return printable_name(name).replace("\\", "\\\\").replace(",", "\\,")
