"""Tests a resolved filter against one contact in memory, as `conditions` does in SQL."""

import operator
from collections.abc import Callable, Collection
from typing import Any

from app.contacts.model import Contact
from app.database.text import fold, split
from app.search.conditions import KEY_COLUMNS, is_phone, type_name
from app.search.filters import All, AnyOf, Condition, Filter, Not, Words
from app.search.operands import CUSTOM

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "contains": operator.contains,
    "starts_with": str.startswith,
}


def matches(contact: Contact, node: Filter, aliases: Collection[str] = ()) -> bool:
    """Return whether a contact matches a filter that `resolve` returned.

    `aliases` are the phones that were merged into the contact; conditions on `id` and `phone` hold
    for them too.
    """
    match node:
        case All(parts):
            return all(matches(contact, part, aliases) for part in parts)
        case AnyOf(parts):
            return any(matches(contact, part, aliases) for part in parts)
        case Not(part):
            return not matches(contact, part, aliases)
        case Words(prefixes):
            return bool(prefixes) and all(_has_word(contact, prefix) for prefix in prefixes)
        case Condition(field, "ne", value):
            return not matches(contact, Condition(field, "eq", value), aliases)
        case Condition(field, "in", values):
            return any(matches(contact, Condition(field, "eq", v), aliases) for v in values)
    return _holds(contact, node, aliases)


def _has_word(contact: Contact, prefix: str) -> bool:
    words = split(fold(contact.first_name), fold(contact.last_name), fold(contact.email))
    if any(word.startswith(prefix) for word in words):
        return True
    return is_phone(prefix) and contact.phone.startswith(prefix)


def _holds(contact: Contact, node: Condition, aliases: Collection[str]) -> bool:
    field, op, value = node.field, node.op, node.value
    if field in ("id", "phone"):
        if op == "starts_with":
            return contact.phone.startswith(value)
        return value == contact.phone or value in aliases
    actual = contact.value(field)
    if op == "exists":
        return (actual not in (None, [])) is value
    if actual is None:
        return False
    if field == "tag":
        return value in actual
    if field.startswith(CUSTOM):
        return _custom_holds(actual, node)
    if field in KEY_COLUMNS and op != "eq":
        actual, value = fold(actual), fold(value)
    return _COMPARE[op](actual, value)


def _custom_holds(actual: Any, node: Condition) -> bool:
    if type_name(actual) != type_name(node.value):
        return False
    if node.type:
        return has_form(actual, node.type) and _COMPARE[node.op](actual.rstrip("Z"), node.value)
    return _COMPARE[node.op](actual, node.value)


def has_form(text: str, type_: str) -> bool:
    """Return whether a text looks as a date that is stored in a field of that type."""
    if not ("0" <= text[:1] <= "9" and text[4:5] == text[7:8] == "-"):
        return False
    if type_ == "date":
        return len(text) == 10
    return len(text) >= 20 and text[10] == "T" and text[-1] == "Z"
