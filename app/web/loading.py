"""Checks data by a schema, with a reason for each field at fault."""

import difflib
from collections.abc import Mapping
from typing import Any, cast

import marshmallow

from app.errors import ValidationError

MAX_REASONS = 20
_MAX_ECHO = 64


def load(schema: marshmallow.Schema, data: Mapping[str, Any]) -> Any:
    """Check `data` by a schema. Raises `ValidationError` with a reason for each field at fault."""
    try:
        return schema.load(data)
    except marshmallow.ValidationError as error:
        reasons = cast(dict[str, Any], error.messages)
    details = {
        cut(name): _unknown(name, schema) if reason == ["Unknown field."] else reason
        for name, reason in list(reasons.items())[:MAX_REASONS]
    }
    raise ValidationError(details)


def _unknown(name: str, schema: marshmallow.Schema) -> list[str]:
    if name in schema.fields and schema.fields[name].dump_only:
        return ["Read-only: leave it out."]
    near = difflib.get_close_matches(name[:_MAX_ECHO], schema.load_fields, n=1)
    if near:
        return [f"Unknown: did you mean {near[0]}?"]
    return [f"Unknown: leave it out, or use one of {', '.join(schema.load_fields)}."]


def cut(name: str) -> str:
    return name if len(name) <= _MAX_ECHO else name[:_MAX_ECHO] + "…"
