"""Schemas of the requests that list, search and match contacts."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from marshmallow import Schema, ValidationError, post_load, pre_load

from app.contacts.fields import (
    COMPARED_LIST_SCHEMA,
    COMPARED_STRING_SCHEMA,
    KEY_PATTERN,
    MAX_KEY,
    PHONE_SCHEMA,
    STRING_VALUE_SCHEMA,
    TAG_SCHEMA,
    TEXT_SCHEMA,
    clean_tag,
    include_field,
)
from app.search import grammar
from app.search.filters import All, Condition, Filter
from app.search.operands import CUSTOM, INSTANT_SCHEMA, ORDERED
from app.search.paging import BY_ARRIVAL, SORTS, Search, decode_cursor, parse_sort
from app.web.fields import JsonSchema, Parsed, digits

MAX_TAGS_ASKED = 20
_CUSTOM = re.compile(r"custom_fields\[([^\[\]]*)\](?:\[([^\[\]]*)\])?", re.DOTALL)
_BOUNDS = {
    "created_since": ("created_at", "gte"),
    "created_before": ("created_at", "lt"),
    "updated_since": ("updated_at", "gte"),
    "updated_before": ("updated_at", "lt"),
}


def _parameter(field: str, op: str, schema: JsonSchema) -> Parsed[Filter]:
    return Parsed(lambda text: grammar.parse_parameter(field, op, text), schema)


def _bound(name: str) -> Parsed[Filter]:
    return _parameter(*_BOUNDS[name], INSTANT_SCHEMA)


def _filter(**options: Any) -> Parsed[Filter]:
    schema = {"$ref": "#/components/schemas/Filter"}
    return Parsed(grammar.parse_tree, schema, **options)


def _custom_parameter(ops: str) -> str:
    return rf"^custom_fields\[{KEY_PATTERN}\]{ops}$"


# Each member is a query parameter of its own: OpenAPI cannot describe "custom_fields[…][…]".
_CUSTOM_SCHEMA: JsonSchema = {
    "type": "object",
    "maxProperties": grammar.MAX_CONDITIONS,
    "patternProperties": {
        _custom_parameter(rf"(\[(eq|ne|{'|'.join(ORDERED)})\])?"): COMPARED_STRING_SCHEMA,
        _custom_parameter(r"\[(contains|starts_with)\]"): {**STRING_VALUE_SCHEMA, "minLength": 1},
        _custom_parameter(r"\[exists\]"): {"type": "string", "enum": ["true", "false"]},
        _custom_parameter(r"\[in\]"): COMPARED_LIST_SCHEMA,
    },
    "propertyNames": {"pattern": _custom_parameter(rf"(\[({'|'.join(grammar.OPS)})\])?")},
    "additionalProperties": {"type": "string"},  # A map of strings, for generators of clients.
}
_SORT_SCHEMA: JsonSchema = {
    "type": "string",
    "enum": [f"{sign}{name}" for name in SORTS for sign in ("", "-")],
}


def _tags(values: list[str]) -> tuple[Filter, ...]:
    if len(values) > MAX_TAGS_ASKED:
        raise ValidationError(f"Must be given at most {MAX_TAGS_ASKED} times.")
    return tuple(Condition("tag", "eq", tag) for tag in dict.fromkeys(map(clean_tag, values)))


def _text(parse: Callable[[str], Any]) -> Callable[[object], Any]:
    def checked(value: object) -> Any:
        if not isinstance(value, str):
            raise ValidationError("Must be a string.")
        return parse(value)

    return checked


class _PageSchema(Schema):
    """What the query of a list and the body of a search share."""

    limit = digits(1, 100)
    offset = digits(0, 2**31 - 1)
    q = Parsed(grammar.parse_words, {**TEXT_SCHEMA, "maxLength": grammar.MAX_TEXT})
    sort = Parsed(_text(parse_sort), _SORT_SCHEMA)
    cursor = Parsed(_text(str), {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})
    include = include_field()

    @post_load
    def _to_search(self, data: dict[str, Any], **_: Any) -> tuple[Search, bool]:
        """Return the search and whether it pages by cursor."""
        cursor = data.pop("cursor", None)
        if cursor is not None and "offset" in data:
            raise ValidationError(
                {"offset": ["Must be left out with a cursor, which says where the page starts."]}
            )
        parts = [part for name in _FILTERS if (found := data.pop(name, ())) for part in _all(found)]
        if len(parts) > 1:
            data["filter"] = All(tuple(parts))
        elif parts:
            data["filter"] = parts[0]
        asked = (data.get("filter"), data.setdefault("sort", BY_ARRIVAL))
        try:
            after = None if cursor is None else decode_cursor(cursor, asked)
        except ValidationError as error:
            raise ValidationError({"cursor": error.messages}) from None
        return Search(**data, after=after), cursor is not None


def _all(found: Any) -> tuple[Filter, ...]:
    return found if isinstance(found, tuple) else (found,)


class ListQuerySchema(_PageSchema):
    """The query of `GET /v1/contacts` ("Retrieve Contacts List" in the vendor's docs), extended."""

    repeatable: ClassVar = ("tag",)

    tag = Parsed(_tags, {"type": "array", "items": TAG_SCHEMA, "maxItems": MAX_TAGS_ASKED})
    segment = _parameter("segment", "eq", {**TEXT_SCHEMA, "maxLength": 64})
    email = _parameter("email", "eq", TEXT_SCHEMA)
    phone = _parameter("phone", "eq", PHONE_SCHEMA)
    created_since = _bound("created_since")
    created_before = _bound("created_before")
    updated_since = _bound("updated_since")
    updated_before = _bound("updated_before")
    custom_fields = Parsed(tuple, _CUSTOM_SCHEMA)

    @pre_load
    def _gather(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Parse the parameters `custom_fields[key]` and `custom_fields[key][op]`."""
        found = {name: match for name in data if (match := _CUSTOM.fullmatch(name))}
        parts, errors = [], {}
        for name, match in found.items():
            try:
                field = grammar.field_name(CUSTOM + match[1])
                op = "eq" if match[2] is None else match[2]
                parts.append(grammar.parse_parameter(field, op, data[name]))
            except ValidationError as error:
                errors[name[: MAX_KEY + len("custom_fields[][starts_with]")]] = error.messages
        if len(parts) > grammar.MAX_CONDITIONS:
            errors["custom_fields"] = [f"Must be at most {grammar.MAX_CONDITIONS} conditions."]
        if "custom_fields" in data:
            errors["custom_fields"] = ["Must have a key, such as custom_fields[plan]=pro."]
        if errors:
            raise ValidationError(errors)
        rest = {name: value for name, value in data.items() if name not in found}
        return rest | ({"custom_fields": parts} if parts else {})


class SearchSchema(_PageSchema):
    """The body of `POST /v1/contacts/search`."""

    filter = _filter()


class MatchSchema(Schema):
    """The body of `POST /v1/contacts/{id}/match`."""

    filter = _filter(required=True)


_FILTERS = ("tag", "segment", "q", "email", "phone", *_BOUNDS, "custom_fields", "filter")
