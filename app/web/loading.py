"""Checks data by a schema and reports a reason for each invalid field."""

import difflib
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

import marshmallow

from app.errors import InvalidInput
from app.web.fields import MAX_REASONS

_MAX_ECHO = 64
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def load(schema: marshmallow.Schema, data: Mapping[str, Any]) -> Any:
    """Check `data` by a schema. Raises `InvalidInput` with a reason for each invalid field."""
    try:
        return schema.load(data)
    except marshmallow.ValidationError as error:
        reasons = cast(dict[str, Any], error.messages)
    details: dict[str, Any] = {}
    for (*path, name), reason in islice(_leaves(reasons), MAX_REASONS):
        place = details
        for step in path:
            place = place.setdefault(printable_name(step), {})
        unknown = not path and reason == ["Unknown field."]
        found = _unknown(name, schema) if unknown else reason
        place[printable_name(name)] = list(map(printable, found))
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


def printable_name(name: str) -> str:
    """Return a name that a client sent, printable and of at most 64 characters."""
    return printable(name if len(name) <= _MAX_ECHO else name[:_MAX_ECHO] + "…")


def printable(text: str) -> str:
    r"""Return text on one line, with `\n` and other control characters escaped.

    Lone surrogates, which UTF-8 cannot encode, become U+FFFD.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return "\N{REPLACEMENT CHARACTER}"
    return character.encode("unicode_escape").decode("ascii")
