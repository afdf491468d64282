"""Describes the fields of the marshmallow schemas by the JSON Schema that they carry."""

from typing import Any

from marshmallow import fields

from app.api_docs.json_schema import nullable
from app.web.fields import Parsed

# Examples of `custom_fields`, the only query parameter that is an object.
_CUSTOM_EXAMPLES = {
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


def describe_field(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Describe a field; an attribute function of apispec's marshmallow plugin."""
    if not isinstance(field, Parsed):
        return {}
    return dict(nullable(field.schema) if field.allow_none else field.schema)


def describe_parameter(
    _: Any, field: fields.Field[Any], *, ret: dict[str, Any], **__: Any
) -> dict[str, Any]:
    """Say how a query string holds an array or an object; a parameter attribute function."""
    schema = ret["schema"]
    if schema["type"] == "object":
        return {"style": "form", "explode": True, "examples": _CUSTOM_EXAMPLES}
    if schema["type"] != "array":
        return {}
    if field.name in getattr(field.parent, "repeatable", ()):
        return {"style": "form", "explode": True}
    return {"style": "form", "explode": False, "schema": {**schema, "minItems": 1}}
