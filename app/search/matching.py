"""Tests a resolved filter against one contact in memory, as `conditions` does in SQL.

`compile_filter` turns a filter into a function once, so that a write can test many contacts with
many filters.
"""

import operator
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any

from app.contacts.index_rows import search_columns
from app.contacts.model import Contact
from app.database.text import fold
from app.search.conditions import KEY_COLUMNS, is_phone, type_name
from app.search.filters import All, AnyOf, Condition, Filter, Not, Words
from app.search.operands import CUSTOM

Names = Callable[[], Collection[str]]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "contains": operator.contains,
    "starts_with": str.startswith,
}


class Facts:
    """A contact, and what filters ask that is derived from it or stored beside it.

    `aliases` and `segments` return the phones that were merged into it and the names of its
    segments; they are called where a filter asks.
    """

    def __init__(self, contact: Contact, aliases: Names = tuple, segments: Names = tuple) -> None:
        self.contact = contact
        self._aliases = aliases
        self._segments = segments

    @cached_property
    def words(self) -> str:
        """Return the words of names and e-mail, each with a space in front."""
        return str(search_columns(self.contact)["words"])

    @cached_property
    def phones(self) -> frozenset[str]:
        return frozenset((self.contact.phone, *self._aliases()))

    @cached_property
    def segments(self) -> frozenset[str]:
        return frozenset(self._segments())


Test = Callable[[Facts], bool]


def matches(contact: Contact, node: Filter, aliases: Collection[str] = ()) -> bool:
    """Return whether a contact matches a filter that `resolve` returned.

    `aliases` are the phones that were merged into the contact; conditions on `id` and `phone` hold
    for them too.
    """
    return compile_filter(node)(Facts(contact, lambda: aliases))


def compile_filter(node: Filter) -> Test:
    """Return the function that tests whether a contact matches a filter that `resolve` returned."""
    match node:
        case All(parts):
            tests = [compile_filter(part) for part in parts]
            return lambda facts: all(test(facts) for test in tests)
        case AnyOf(parts):
            tests = [compile_filter(part) for part in parts]
            return lambda facts: any(test(facts) for test in tests)
        case Not(part):
            test = compile_filter(part)
            return lambda facts: not test(facts)
        case Words(prefixes):
            tests = [_has_word(prefix) for prefix in prefixes]
            return lambda facts: bool(tests) and all(test(facts) for test in tests)
        case Condition(field, "ne", value):
            return compile_filter(Not(Condition(field, "eq", value)))
    return _compile_condition(node)


def _has_word(prefix: str) -> Test:
    word = f" {prefix}"
    if is_phone(prefix):
        return lambda facts: word in facts.words or facts.contact.phone.startswith(prefix)
    return lambda facts: word in facts.words


def _compile_condition(node: Condition) -> Test:
    field, op, value = node.field, node.op, node.value
    values = value if op == "in" else (value,)
    if field.startswith(CUSTOM):
        return _custom(field.removeprefix(CUSTOM), op, value, node.type)
    if field == "tag":
        if op == "exists":
            return lambda facts: bool(facts.contact.tags) is value
        return lambda facts: any(tag in facts.contact.tags for tag in values)
    if field == "segment":
        return lambda facts: not facts.segments.isdisjoint(values)
    if field in ("id", "phone"):
        if op == "starts_with":
            return lambda facts: facts.contact.phone.startswith(value)
        return lambda facts: not facts.phones.isdisjoint(values)
    if field in KEY_COLUMNS:
        return _text(field, op, value)
    compare = _COMPARE[op]
    return lambda facts: compare(facts.contact.value(field), value)


def _text(field: str, op: str, value: Any) -> Test:
    """Compare names and e-mails: exactly where equal, else without case and accents."""
    if op in ("eq", "in"):
        values = value if op == "in" else (value,)
        return lambda facts: getattr(facts.contact, field) in values
    if op == "exists":
        return lambda facts: (getattr(facts.contact, field) is not None) is value
    folded = fold(value) or ""
    compare = _COMPARE[op]

    def test(facts: Facts) -> bool:
        found = fold(getattr(facts.contact, field))
        return found is not None and compare(found, folded)

    return test


def _custom(key: str, op: str, value: Any, type_: str | None = None) -> Test:
    """Compare a custom field: only values of one type can be equal or have an order."""
    if op == "exists":
        return lambda facts: (key in facts.contact.custom_fields) is value
    if op == "in":
        tests = [_custom(key, "eq", each) for each in value]
        return lambda facts: any(test(facts) for test in tests)
    kind, compare = type_name(value), _COMPARE[op]

    def test(facts: Facts) -> bool:
        found: Any = facts.contact.custom_fields.get(key)
        if found is None or type_name(found) != kind:
            return False
        if type_:
            return has_form(found, type_) and compare(found.rstrip("Z"), value)
        return compare(found, value)

    return test


def has_form(text: str, type_: str) -> bool:
    """Return whether a text looks as a date that is stored in a field of that type."""
    if not ("0" <= text[:1] <= "9" and text[4:5] == text[7:8] == "-"):
        return False
    if type_ == "date":
        return len(text) == 10
    return len(text) >= 20 and text[10] == "T" and text[-1] == "Z"
