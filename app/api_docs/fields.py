"""What the fields of the schemas accept, as JSON Schema; the limits are the fields' own."""

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from app.api_docs.grammar import CUSTOM_EXAMPLES, PARSED
from app.api_docs.values import KEY, LINE, NUMBER_VALUE, PHONE, STRING_VALUE, TAG
from app.contacts import fields as ours
from app.contacts.batches import MAX_ROWS, Rows
from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS
from app.journal.model import EVENTS
from app.journal.schemas import Events
from app.search.schemas import Parsed
from app.tags.schemas import Name
from app.transfer import schemas as transfer
from app.web import fields as web
from app.webhooks import schemas as webhooks
from app.webhooks.targets import MAX_URL

_FIELD_VALUE = {"anyOf": [STRING_VALUE, NUMBER_VALUE, {"type": "boolean"}, {"type": "null"}]}


def _text(field: Any) -> dict[str, Any]:
    if field.check is ours.EMAIL:
        empty_or_email = [{"format": "email"}, {"maxLength": 0}]
        return {"type": "string", "maxLength": field.longest, "anyOf": empty_or_email}
    return {"type": "string", "maxLength": field.longest, "pattern": LINE}


def _custom_fields(_: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": MAX_CUSTOM_FIELDS,
        "propertyNames": {"pattern": f"^{KEY}$"},
        "additionalProperties": _FIELD_VALUE,
    }


_DESCRIBED: dict[type, Callable[[Any], dict[str, Any]]] = {
    ours.Text: _text,
    ours.Phone: lambda _: dict(PHONE),
    ours.Tags: lambda _: {"type": "array", "maxItems": MAX_TAGS, "items": TAG},
    ours.CustomFields: _custom_fields,
    web.Digits: lambda field: {
        "type": "integer",
        "minimum": field.lowest,
        "maximum": field.highest,
    },
    Rows: lambda _: {"type": "array", "maxItems": MAX_ROWS, "items": {}},
    web.Boolean: lambda _: {"type": "boolean"},
    web.Flag: lambda _: {"type": "boolean"},
    ours.Include: lambda field: {"type": "array", "items": {"enum": list(field.names)}},
    Events: lambda _: {"type": "array", "items": {"enum": list(EVENTS)}},
    Name: lambda _: dict(TAG),
    Parsed: lambda field: dict(PARSED[field.kind]),
    transfer.Mapping: lambda _: {"type": "array", "items": {"type": "string"}},
    transfer.Country: lambda _: {"type": "string", "pattern": "^[A-Z]{2}$"},
    webhooks.Url: lambda _: {"type": "string", "format": "uri", "maxLength": MAX_URL},
    webhooks.Label: lambda _: {
        "type": "string",
        "maxLength": webhooks.MAX_LABEL,
        "pattern": LINE,
    },
    webhooks.Events: lambda _: {"type": "array", "minItems": 1, "items": {"enum": list(EVENTS)}},
}


def describe_field(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Describe a field of ours; an attribute function of apispec's marshmallow plugin."""
    found = next((_DESCRIBED[each] for each in type(field).__mro__ if each in _DESCRIBED), None)
    if found is None:
        return {}
    schema = found(field)
    return {**schema, "type": [schema["type"], "null"]} if field.allow_none else schema


def describe_parameter(
    _: Any, field: fields.Field[Any], *, ret: dict[str, Any], **__: Any
) -> dict[str, Any]:
    """Say how a list or an object is written in a query; a parameter attribute function."""
    if isinstance(field, ours.Include | Events):
        return {"style": "form", "explode": False, "schema": {**ret["schema"], "minItems": 1}}
    if isinstance(field, transfer.Mapping) or (isinstance(field, Parsed) and field.kind == "tags"):
        return {"style": "form", "explode": True}
    if isinstance(field, Parsed) and field.kind == "custom_fields":
        return {"style": "form", "explode": True, "examples": CUSTOM_EXAMPLES}
    return {}
