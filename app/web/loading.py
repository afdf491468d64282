"""Checks data by a schema, with a reason for each field at fault."""

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

import marshmallow

from app.errors import InvalidInput
from app.web.fields import MAX_REASONS

_MAX_ECHO = 64
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def load(schema: marshmallow.Schema, data: Mapping[str, Any]) -> Any:
    """Check `data` by a schema. Raises `InvalidInput` with a reason for each field at fault."""
    try:
        return schema.load(data)
    except marshmallow.ValidationError as error:
        reasons = cast(dict[str, Any], error.messages)
    details: dict[str, Any] = {}
    for (*path, name), reason in islice(_leaves(reasons), MAX_REASONS):
        place = details
        for step in path:
            place = place.setdefault(cut(step), {})
        unknown = not path and reason == ["Unknown field."]
        place[cut(name)] = _unknown(name, schema) if unknown else list(map(_printable, reason))
    raise InvalidInput(details)


def _leaves(reasons: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    for name, reason in reasons.items():
        if isinstance(reason, dict):
            yield from _leaves(reason, *path, name)
        else:
            yield (*path, name), reason


def _unknown(name: str, schema: marshmallow.Schema) -> list[str]:
    if name in schema.fields and schema.fields[name].dump_only:
        return ["Read-only: leave it out."]
    near = difflib.get_close_matches(name[:_MAX_ECHO], schema.load_fields, n=1)
    if near:
        return [f"Unknown: did you mean {near[0]}?"]
    known = ", ".join(schema.load_fields)
    return [f"Unknown: leave it out, or use one of {known}." if known else "Unknown: leave it out."]


def cut(name: str) -> str:
    return _printable(name if len(name) <= _MAX_ECHO else name[:_MAX_ECHO] + "…")


def _printable(text: str) -> str:
    """Return text that can be sent: lone surrogates have no place in UTF-8."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)
