"""The grammar of filters: parses and checks those of query strings, searches and matches."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from marshmallow import ValidationError

from app.contacts.fields import clean_key
from app.database.text import words
from app.search.filters import All, AnyOf, Condition, Filter, Not, Words
from app.search.operands import (
    CUSTOM,
    ORDERED,
    SEARCHING,
    is_number,
    operand,
    phone_digits,
    readings,
)
from app.web.fields import clean_text, parse_boolean, parse_flag

T = TypeVar("T")

MAX_DEPTH = 8
MAX_CONDITIONS = 50
MAX_VALUES = 100
MAX_WORDS = 8
MAX_TEXT = 200
OPS = ("eq", "ne", *ORDERED, *SEARCHING, "exists", "in")
FIELD_OPS = {
    "id": ("eq", "ne", "in"),
    "phone": ("eq", "ne", "starts_with", "in"),
    "first_name": OPS,
    "last_name": OPS,
    "email": OPS,
    "tag": ("eq", "ne", "exists", "in"),
    "segment": ("eq", "ne", "in"),
    "created_at": ("eq", "ne", *ORDERED),
    "updated_at": ("eq", "ne", *ORDERED),
}


def parse_tree(value: object) -> Filter:
    """Check the JSON form: a condition, or `all`, `any`, `not` of filters.

    Raises marshmallow's `ValidationError`, whose messages mirror the tree.
    """
    # Before parsing: a body can hold far more conditions, and each could add an error.
    found, given = _size(value)
    if found > MAX_CONDITIONS or given > 4 * MAX_CONDITIONS:
        raise ValidationError(
            f"A filter has at most {MAX_CONDITIONS} conditions with {4 * MAX_CONDITIONS} values."
        )
    return _tree(value, 1)


def _size(value: object) -> tuple[int, int]:
    """Count the conditions of a tree, valid or not, and their values."""
    found, given, left = 0, 0, [value]
    while left:
        match left.pop():
            case {"all": list(parts)} | {"any": list(parts)}:
                left += parts
            case {"not": part}:
                left.append(part)
            case {"value": list(values)}:
                found, given = found + 1, given + len(values)
            case _:
                found, given = found + 1, given + 1
    return found, given


def _tree(value: object, depth: int) -> Filter:
    if not isinstance(value, dict) or not value:
        raise ValidationError(
            'Must be a condition, such as {"field": "tag", "op": "eq", "value": "VIP"}, '
            "or an object with all, any or not."
        )
    if depth > MAX_DEPTH:
        raise ValidationError(f"Must not be nested more than {MAX_DEPTH} deep.")
    operators = [name for name in ("all", "any", "not") if name in value]
    if not operators:
        return _leaf(value)
    if len(value) > 1:
        raise ValidationError(
            f"{operators[0]} must be the only key of its object: move the others inside it."
        )
    [(name, inner)] = value.items()
    if name == "not":
        return Not(_inside(name, lambda: _tree(inner, depth + 1)))
    parts = _inside(name, lambda: _parts(inner, depth + 1))
    return All(parts) if name == "all" else AnyOf(parts)


def _inside(name: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except ValidationError as error:
        raise ValidationError({name: error.messages}) from None


def _parts(value: object, depth: int) -> tuple[Filter, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CONDITIONS:
        raise ValidationError(f"Must be an array of 1 to {MAX_CONDITIONS} filters.")
    parts: list[Filter] = []
    errors: dict[str, Any] = {}
    for index, each in enumerate(value):
        try:
            parts.append(_tree(each, depth))
        except ValidationError as error:
            errors[str(index)] = error.messages
    if errors:
        raise ValidationError(errors)
    return tuple(parts)


def _leaf(value: Mapping[str, object]) -> Condition:
    errors: dict[str, Any] = {
        name[:64]: ["Unknown: a condition has field, op and value."]
        for name in value
        if name not in ("field", "op", "value")
    }
    errors |= {
        name: ["Required: a condition has field, op and value."]
        for name in ("field", "op", "value")
        if name not in value
    }
    if errors:
        raise ValidationError(errors)
    field = _inside("field", lambda: field_name(value["field"]))
    op = _inside("op", lambda: _op(field, value["op"]))
    return _inside("value", lambda: condition(field, op, value["value"]))


def field_name(name: object) -> str:
    """Check the name of a field; everything after `custom_fields.` is the key."""
    if not isinstance(name, str):
        raise ValidationError("Must be the name of a field, as a string.")
    if name.startswith(CUSTOM):
        return CUSTOM + clean_key(name.removeprefix(CUSTOM))
    if name not in FIELD_OPS:
        near = difflib.get_close_matches(name[:64], FIELD_OPS, n=1)
        meant = near[0] if near else f"{CUSTOM}{name[:64]}"
        raise ValidationError(
            f"Unknown: did you mean {meant}? Fields are {', '.join(FIELD_OPS)}, {CUSTOM}KEY."
        )
    return name


def _op(field: str, op: object) -> str:
    allowed = FIELD_OPS.get(field, OPS)
    if op not in allowed:
        raise ValidationError(f"Unknown for {field}: use one of {', '.join(allowed)}.")
    return str(op)


def condition(field: str, op: str, value: object) -> Condition:
    """Check the JSON value that a field is compared with."""
    if op == "exists":
        return Condition(field, op, parse_boolean(value))
    if op == "in":
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_VALUES:
            raise ValidationError(f"Must be an array of 1 to {MAX_VALUES} values.")
        return Condition(field, op, tuple(operand(field, "eq", each) for each in value))
    return Condition(field, op, operand(field, op, value))


def parse_words(text: object) -> Filter:
    """Check the text of a word search; it has no operators."""
    if not isinstance(text, str):
        raise ValidationError("Must be a string.")
    cleaned = clean_text(text, MAX_TEXT)
    if not cleaned:
        raise ValidationError("Must not be empty: leave it out to list all contacts.")
    found = words(cleaned)
    digits = phone_digits(cleaned)
    if [digits] == found or (digits and len(found) > MAX_WORDS):
        return Words((digits,))
    if len(found) > MAX_WORDS:
        raise ValidationError(f"Must be at most {MAX_WORDS} words.")
    if not digits:
        return Words(tuple(found))
    # A phone, or a name such as "24/7". The longest part comes first: it matches the fewest rows.
    apart = Words(tuple(sorted(found, key=len, reverse=True)))
    return AnyOf((apart, Condition("phone", "starts_with", digits)))


def parse_parameter(field: str, op: str, text: str) -> Filter:
    """Check a condition of a query string, where values have no type.

    `eq` matches a string, a number or a boolean that reads the same. `gt` and its kin compare a
    number with numbers, and any other text with strings.
    """
    _op(field, op)
    if op == "exists":
        return condition(field, op, parse_flag(text))
    if op == "in":
        given = condition(field, op, text.split(","))
        if field.startswith(CUSTOM):
            return replace(given, value=tuple(x for each in given.value for x in readings(each)))
        return given
    if not field.startswith(CUSTOM):
        return condition(field, op, text)
    if op in ORDERED:
        return condition(field, op, readings(text)[-1] if is_number(text) else text)
    if op not in ("eq", "ne"):
        return condition(field, op, text)
    either = condition(field, "in", readings(text))
    same = either if len(either.value) > 1 else condition(field, "eq", text)
    return same if op == "eq" else Not(same)
