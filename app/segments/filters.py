"""The filter of a segment: its JSON, what it means at a time, and tags that are renamed in it."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from app.database import Connection
from app.errors import InvalidInput
from app.search.filters import (
    All,
    AnyOf,
    Condition,
    Filter,
    Not,
    Words,
    conditions,
    has_relative_dates,
)
from app.search.grammar import parse_tree
from app.search.operands import operand
from app.search.resolve import resolve


def parse(value: object) -> Filter:
    """Check the JSON form of a segment's filter. Raises marshmallow's `ValidationError`."""
    node = parse_tree(value)
    if any(each.field == "segment" for each in conditions(node)):
        raise ValidationError("Must not name a segment: segments are not nested.")
    return node


def load(filter: str) -> Filter:
    """Return the filter that is stored as JSON."""
    return parse(json.loads(filter))


def meaning(db: Connection, node: Filter, now: datetime) -> Filter:
    """Return a filter with instants for dates at a time, as `resolve` does.

    It was checked when it was set, but what fields hold has changed since then: a relative date
    that cannot mean anything any more matches nobody, another order compares values as they are.
    """
    match node:
        case Condition():
            try:
                return resolve(db, node, now)
            except InvalidInput:
                return Words(()) if has_relative_dates(node) else node
        case All(parts):
            return All(tuple(meaning(db, part, now) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(meaning(db, part, now) for part in parts))
        case Not(part):
            return Not(meaning(db, part, now))
    return node


def names_tag(filter: str, tag: str) -> bool:
    return any(tag in map(_cleaned, _tags(each)) for each in _leaves(json.loads(filter)))


def rename_tag(filter: str, name: str, new_name: str) -> str:
    """Return the JSON of a filter with another tag in the place of one."""
    tree = json.loads(filter)
    for leaf in _leaves(tree):
        if _cleaned(leaf["value"]) == name:
            leaf["value"] = new_name
        elif isinstance(leaf["value"], list):
            renamed = (new_name if _cleaned(each) == name else each for each in leaf["value"])
            leaf["value"] = list(dict.fromkeys(renamed))
    return encode(tree)


def encode(tree: object) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))


def _leaves(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the conditions on tags, which can be changed in place."""
    match tree:
        case {"all": parts} | {"any": parts}:
            for part in parts:
                yield from _leaves(part)
        case {"not": part}:
            yield from _leaves(part)
        case {"field": "tag"}:
            yield tree


def _tags(leaf: dict[str, Any]) -> list[Any]:
    value = leaf["value"]
    return value if isinstance(value, list) else [value]


def _cleaned(value: Any) -> Any:
    """Return a tag as contacts have it: a filter is stored as it was sent, with spaces and all."""
    return operand("tag", "eq", value) if isinstance(value, str) else value
