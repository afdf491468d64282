"""The filter grammar as JSON Schema: of the parameters of a list, and of the tree in a body."""

from collections.abc import Iterator, Mapping, Sequence

from app.api_docs.operation import BOOLEAN, INSTANT, JsonSchema, array, ref, shape
from app.api_docs.values import KEY, NUMBER_VALUE, PHONE, STRING_VALUE, TAG, TEXT
from app.contacts.phone import MAX_LENGTH
from app.search.filters import (
    FIELD_OPS,
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_TEXT,
    MAX_VALUES,
    OPS,
)
from app.search.operands import ORDERED
from app.search.paging import SORTS
from app.search.schemas import MAX_TAGS_ASKED

_SEARCHING = ("contains", "starts_with")
_ID: JsonSchema = {"anyOf": [{"type": "string", "pattern": "^cnt_[0-9]+$"}, PHONE]}
_DIGITS: JsonSchema = {
    "type": "string",
    "maxLength": MAX_LENGTH,
    "pattern": r"^(?!00$)\+?[0-9]+$",
    "description": "Leading digits, from the country code on.",
}


def _parameter_name(ops: str) -> str:
    return rf"^custom_fields\[{KEY}\]{ops}$"


# Each member is a parameter of its own: OpenAPI has no other way to say "custom_fields[…][…]".
_CUSTOM_PARAMETERS: JsonSchema = {
    "type": "object",
    "maxProperties": MAX_CONDITIONS,
    "patternProperties": {
        _parameter_name(rf"(\[(eq|ne|{'|'.join(ORDERED)})\])?"): STRING_VALUE,
        _parameter_name(rf"\[({'|'.join(_SEARCHING)})\]"): {**STRING_VALUE, "minLength": 1},
        _parameter_name(r"\[exists\]"): {"enum": ["true", "false"]},
        _parameter_name(r"\[in\]"): {**STRING_VALUE, "description": "A comma list."},
    },
    "additionalProperties": False,
}
CUSTOM_EXAMPLES = {
    "none": {"summary": "No condition", "value": {}},
    "equal": {"summary": "The plan is pro", "value": {"custom_fields[plan]": "pro"}},
    "at-least": {
        "summary": "The score is 10 or more",
        "value": {"custom_fields[score][gte]": "10"},
    },
    "two": {
        "summary": "One of two plans, and a city is known",
        "value": {"custom_fields[plan][in]": "pro,team", "custom_fields[city][exists]": "true"},
    },
}

# By the kind of a `Parsed`.
PARSED: dict[str, JsonSchema] = {
    "words": {**TEXT, "maxLength": MAX_TEXT},
    "sort": {"type": "string", "enum": [f"{sign}{name}" for name in SORTS for sign in ("", "-")]},
    "cursor": {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"},
    "tags": {**array(TAG), "maxItems": MAX_TAGS_ASKED},
    "email": TEXT,
    "phone": PHONE,
    "created_at": INSTANT,
    "updated_at": INSTANT,
    "custom_fields": _CUSTOM_PARAMETERS,
    "filter": {"type": "object", **ref("Filter")},
}


def _value(field: str, op: str) -> JsonSchema:
    """Return what a field may be compared with; all custom fields are one field."""
    if op == "exists":
        return BOOLEAN
    if op == "in":
        return {**array(_value(field, "eq")), "minItems": 1, "maxItems": MAX_VALUES}
    if field == "phone":
        return _DIGITS if op == "starts_with" else PHONE
    if field in ("created_at", "updated_at"):
        return INSTANT if op in ORDERED else {**INSTANT, "pattern": "^[^.]*$"}
    if field == "custom_fields":
        if op in _SEARCHING:
            return {**STRING_VALUE, "minLength": 1}
        return {"anyOf": [STRING_VALUE, NUMBER_VALUE, *([] if op in ORDERED else [BOOLEAN])]}
    if field == "id":
        return _ID
    return TEXT


def _groups(
    ops_of: Mapping[str, Sequence[str]],
) -> Iterator[tuple[list[str], list[str], JsonSchema]]:
    """Yield the fields and operators that take the same values, with the schema of these."""
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


def _joint(name: str, inside: JsonSchema, meaning: str) -> JsonSchema:
    return {"title": name, "description": meaning, **shape(**{name: inside})}


_PARTS: JsonSchema = {**array(ref("Filter")), "minItems": 1, "maxItems": MAX_CONDITIONS}
_CUSTOM_FIELD: JsonSchema = {
    "type": "string",
    "pattern": rf"^custom_fields\.{KEY}$",
    "description": "`custom_fields.` and the key.",
}

SCHEMAS: dict[str, JsonSchema] = {
    "Filter": {
        "description": "One condition, or filters joined by `all`, `any` or `not`: at most "
        f"{MAX_DEPTH} deep, with {MAX_CONDITIONS} conditions and {4 * MAX_CONDITIONS} values.",
        "anyOf": [
            ref("Condition"),
            _joint("all", _PARTS, "Each of them holds."),
            _joint("any", _PARTS, "At least one of them holds."),
            _joint("not", ref("Filter"), "It does not hold."),
        ],
    },
    "Condition": {
        "description": 'What one field must be. `ne` is "not eq": it holds where the field is '
        "absent too.",
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
