"""Filters as trees: comparisons of one field, searches for words, and how they are joined."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.search.dates import is_relative


@dataclass(frozen=True)
class Condition:
    """A comparison of one field. `value` is normalised; `in` has a tuple of values.

    `type` is "date" or "datetime" where a custom field is compared by instant: see `resolve`.
    """

    field: str
    op: str
    value: Any
    type: str | None = None


@dataclass(frozen=True)
class Words:
    """Each prefix must start the phone, or a word of the names or e-mail. No prefixes: no match."""

    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class All:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True)
class AnyOf:
    parts: "tuple[Filter, ...]"


@dataclass(frozen=True)
class Not:
    part: "Filter"


Filter = Condition | Words | All | AnyOf | Not


def conditions(node: Filter) -> Iterator[Condition]:
    """Yield the conditions of a filter in the order in which they were sent."""
    match node:
        case Condition():
            yield node
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions(part)
        case Not(part):
            yield from conditions(part)


def with_conditions(node: Filter, change: Callable[[Condition], Condition]) -> Filter:
    """Return a filter of the same shape in which each condition is changed."""
    match node:
        case Condition():
            return change(node)
        case All(parts):
            return All(tuple(with_conditions(part, change) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(with_conditions(part, change) for part in parts))
        case Not(part):
            return Not(with_conditions(part, change))
    return node


def fields_of(node: Filter) -> set[str]:
    """Return the fields that decide whether a contact matches, as `changed` names them."""
    match node:
        case Condition(field):
            return {"tags" if field == "tag" else field}
        case Words():
            return {"first_name", "last_name", "email", "phone"}
        case Not(part):
            return fields_of(part)
    return set().union(*map(fields_of, node.parts))


def segment_names(node: Filter) -> list[str]:
    """Return the names of segments that a filter asks for."""
    found: set[str] = set()
    for each in conditions(node):
        if each.field == "segment":
            found.update(each.value if each.op == "in" else [each.value])
    return sorted(found)


def has_relative_dates(node: Filter) -> bool:
    """Return whether time alone can change what a filter matches. Needs it as it was parsed."""
    return any(
        any(map(is_relative, each.value if each.op == "in" else [each.value]))
        for each in conditions(node)
    )
