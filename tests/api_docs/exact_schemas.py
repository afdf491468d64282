"""The exact JSON Schema of what the document describes in a plainer way, for fuzz tests.

Generators of clients make poor classes of unions: of filters, and of the values of custom fields.
"""

from collections.abc import Iterator, Mapping, Sequence

from app.api_docs.json_schema import BOOLEAN, INSTANT, JsonSchema, array, ref, shape
from app.contacts.fields import (
    COMPARED_STRING_SCHEMA,
    KEY_PATTERN,
    PHONE_SCHEMA,
    STRING_VALUE_SCHEMA,
    TEXT_SCHEMA,
)
from app.contacts.model import MAX_INTEGER
from app.contacts.phone import MAX_LENGTH
from app.search.grammar import (
    FIELD_OPS,
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_VALUES,
    OPS,
)
from app.search.operands import INSTANT_SCHEMA, ORDERED, SEARCHING

_NUMBER: JsonSchema = {"type": "number", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}
_ID: JsonSchema = {"anyOf": [{"type": "string", "pattern": "^cnt_[0-9]+$"}, PHONE_SCHEMA]}
_DIGITS: JsonSchema = {
    "type": "string",
    "maxLength": MAX_LENGTH,
    "pattern": r"^(?!00$)\+?[0-9]+$",
    "description": "Leading digits of a phone number, with its country code.",
}


def _value(field: str, op: str) -> JsonSchema:
    """Return the schema of the values of an operator; all custom fields count as one field."""
    if op == "exists":
        return BOOLEAN
    if op == "in":
        return {**array(_value(field, "eq")), "minItems": 1, "maxItems": MAX_VALUES}
    if field == "phone":
        return _DIGITS if op == "starts_with" else PHONE_SCHEMA
    if field in ("created_at", "updated_at"):
        return INSTANT_SCHEMA if op in ORDERED else {**INSTANT, "pattern": "^[^.]*$"}
    if field == "custom_fields":
        if op in SEARCHING:
            return {**STRING_VALUE_SCHEMA, "minLength": 1}
        return {
            "anyOf": [
                COMPARED_STRING_SCHEMA,
                _NUMBER,
                *([] if op in ORDERED else [BOOLEAN]),
            ]
        }
    if field == "id":
        return _ID
    return TEXT_SCHEMA


def _groups(
    ops_of: Mapping[str, Sequence[str]],
) -> Iterator[tuple[list[str], list[str], JsonSchema]]:
    """Yield groups of fields and operators that accept the same values, with their schema."""
    groups: dict[str, tuple[list[str], list[str], JsonSchema]] = {}
    for field, ops in ops_of.items():
        values = {op: _value(field, op) for op in ops}
        for op, value in values.items():
            same = [each for each in ops if values[each] == value]
            if op == same[0]:
                fields, _, _ = groups.setdefault(repr((same, value)), ([], same, value))
                fields.append(field)
    yield from groups.values()


def _condition(title: str, field: JsonSchema, ops: list[str], value: JsonSchema) -> JsonSchema:
    described = shape(field=field, op={"enum": ops}, value=value)
    return {"title": f"{title}: {', '.join(ops)}", **described}


def _combination(name: str, inside: JsonSchema, meaning: str) -> JsonSchema:
    return {"title": name, "description": meaning, **shape(**{name: inside})}


_FILTERS: JsonSchema = {**array(ref("Filter")), "minItems": 1, "maxItems": MAX_CONDITIONS}
_CUSTOM_FIELD: JsonSchema = {
    "type": "string",
    "pattern": rf"^custom_fields\.{KEY_PATTERN}$",
    "description": "`custom_fields.` and the key.",
}

# Each keyword of JSON Schema restricts values of its own type only.
FIELD_VALUE: JsonSchema = {
    **STRING_VALUE_SCHEMA,
    **_NUMBER,
    "type": ["string", "number", "boolean", "null"],
}
FILTERS: dict[str, JsonSchema] = {
    "Filter": {
        "description": "One condition, or filters combined with `all`, `any` or `not`; nested at "
        f"most {MAX_DEPTH} deep, with at most {MAX_CONDITIONS} conditions and "
        f"{4 * MAX_CONDITIONS} values.",
        "anyOf": [
            ref("Condition"),
            _combination("all", _FILTERS, "All of the filters match."),
            _combination("any", _FILTERS, "At least one of the filters matches."),
            _combination("not", ref("Filter"), "The filter does not match."),
        ],
    },
    "Condition": {
        "description": 'A comparison of one field. `ne` is "not eq": it also matches contacts '
        "without the field. Fields that are pinned to `date` or `datetime` compare by instant, and "
        "with `now`, `today`, `-7d`, `+12h`, `-3mo` (`min h d w mo y`), as `created_at` and "
        "`updated_at` do. An order comparison that cannot mean anything is a 422.",
        "anyOf": [
            _condition(", ".join(fields), {"enum": fields}, ops, value)
            for fields, ops, value in _groups(FIELD_OPS)
        ]
        + [
            _condition("custom_fields.KEY", _CUSTOM_FIELD, ops, value)
            for _, ops, value in _groups({"custom_fields": OPS})
        ],
    },
}
