"""What the fields of the schemas accept, as JSON Schema; the limits are the fields' own."""

from collections.abc import Callable
from typing import Any

from marshmallow import fields

from app.contacts import fields as ours
from app.contacts.model import MAX_CUSTOM_FIELDS, MAX_TAGS
from app.contacts.phone import EXAMPLE, MAX_LENGTH
from app.web import fields as web

_CONTROL = r"\u0000-\u001f\u007f-\u009f"
# As it is stored; spaces at the ends are trimmed, not refused.
_LINE = rf"^([^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?)?$"
_FULL_LINE = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$"
_KEY = rf"^[^\s\[\]{_CONTROL}]([^\[\]{_CONTROL}]*[^\s\[\]{_CONTROL}])?$"
_VALUE = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_TAG = {"type": "string", "minLength": 1, "maxLength": ours.MAX_TAG, "pattern": _FULL_LINE}
_FIELD_VALUE = {
    "anyOf": [
        {"type": "string", "maxLength": ours.MAX_VALUE, "pattern": _VALUE},
        {"type": "number", "minimum": -ours.MAX_INTEGER, "maximum": ours.MAX_INTEGER},
        {"type": "boolean"},
        {"type": "null"},
    ]
}


def _text(field: Any) -> dict[str, Any]:
    if field.check is ours.EMAIL:
        empty_or_email = [{"format": "email"}, {"maxLength": 0}]
        return {"type": "string", "maxLength": field.longest, "anyOf": empty_or_email}
    return {"type": "string", "maxLength": field.longest, "pattern": _LINE}


def _custom_fields(_: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "maxProperties": MAX_CUSTOM_FIELDS,
        "propertyNames": {"maxLength": ours.MAX_KEY, "pattern": _KEY},
        "additionalProperties": _FIELD_VALUE,
    }


_DESCRIBED: dict[type, Callable[[Any], dict[str, Any]]] = {
    ours.Text: _text,
    ours.Phone: lambda _: {
        "type": "string",
        "format": "phone",
        "maxLength": MAX_LENGTH,
        "examples": [EXAMPLE],
    },
    ours.Tags: lambda _: {"type": "array", "maxItems": MAX_TAGS, "items": _TAG},
    ours.CustomFields: _custom_fields,
    web.Digits: lambda field: {
        "type": "integer",
        "minimum": field.lowest,
        "maximum": field.highest,
    },
    web.Flag: lambda _: {"type": "boolean"},
    ours.Include: lambda field: {
        "type": "array",
        "minItems": 1,
        "items": {"enum": list(field.names)},
    },
}


def describe_field(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Describe a field of ours; an attribute function of apispec's marshmallow plugin."""
    found = next((_DESCRIBED[each] for each in type(field).__mro__ if each in _DESCRIBED), None)
    if found is None:
        return {}
    schema = found(field)
    return {**schema, "type": [schema["type"], "null"]} if field.allow_none else schema


def describe_list(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Say how a list is written in a query; a parameter attribute function."""
    return {"style": "form", "explode": False} if isinstance(field, ours.Include) else {}
