"""Filters as trees: comparisons of one field, searches for words, and how they are joined."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Condition:
    """A comparison of one field. `value` is normalised; `in` has a tuple of values."""

    field: str
    op: str
    value: Any


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
