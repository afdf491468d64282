"""Gives the comparisons of a filter their meaning, by the types of its fields and the clock.

A field that is pinned to dates compares by instant: `Condition.type` says so, and the value is the
text that its values are compared with. Examples, at noon on 2 June 2026:

    renewal lt "today", pinned to date                  value "2026-06-02", type "date"
    seen gte "2026-06-02T10:00:00+02:00", a datetime    value "2026-06-02T08:00:00", type "datetime"
    updated_at gte "-7d"                                value "2026-05-26T12:00:00Z"
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from app import clock
from app.contacts.values import DATES, NOUNS, NotConvertible, convert
from app.database import Connection
from app.errors import InvalidInput, NotFound
from app.search.dates import is_relative, moment
from app.search.filters import (
    Condition,
    Filter,
    conditions,
    segment_names,
    with_conditions,
)
from app.search.operands import CUSTOM, ORDERED
from app.search.store import FieldKind, find_kinds, segment_exists
from app.web.loading import printable_name

_COMPARED = ("eq", "ne", "in", *ORDERED)


class _Meaningless(Exception):
    """A comparison that no value can answer; the message says what to do instead."""


def resolve(db: Connection, node: Filter, now: datetime | None = None) -> Filter:
    """Return a filter with instants for dates, by the clock or at another time.

    Its conditions keep their order. Raises `InvalidInput` for comparisons by order that cannot
    mean anything, and `NotFound` for an unknown segment. A resolved filter stays as it is.
    """
    if not all(segment_exists(db, name) for name in segment_names(node)):
        raise NotFound("There is no such segment: GET /v1/segments lists them.")
    keys = set(_keys(node))
    kinds = find_kinds(db, keys) if keys else {}
    at = now or clock.now()
    reasons: dict[str, Any] = {}

    def meaning(condition: Condition) -> Condition:
        try:
            return _meaning(condition, kinds, at)
        except _Meaningless as error:
            reasons[printable_name(condition.field)] = [str(error)]
            return condition

    resolved = with_conditions(node, meaning)
    if reasons:
        raise InvalidInput(reasons)
    return resolved


def _keys(node: Filter) -> Iterator[str]:
    """Yield the custom fields whose type decides what a condition means."""
    for each in conditions(node):
        if each.field.startswith(CUSTOM) and each.op in _COMPARED and not each.type:
            yield each.field.removeprefix(CUSTOM)


def _meaning(condition: Condition, kinds: Mapping[str, FieldKind], now: datetime) -> Condition:
    if condition.field in ("created_at", "updated_at"):
        if not is_relative(condition.value):
            return condition
        return replace(condition, value=clock.timestamp(moment(condition.value, now)))
    key = condition.field.removeprefix(CUSTOM)
    if key == condition.field or condition.op not in _COMPARED or condition.type:
        return condition
    kind = kinds.get(key, FieldKind())
    if kind.required_type in DATES:
        return _compare_dates(condition, kind.required_type, now)
    return _compare_order(condition, key, kind) if condition.op in ORDERED else condition


def _compare_dates(condition: Condition, type_: str, now: datetime) -> Condition:
    if condition.op == "in":
        values = tuple(_stored_form(each, type_, now) for each in condition.value)
        return replace(condition, value=values)
    if condition.op not in ORDERED:
        return replace(condition, value=_stored_form(condition.value, type_, now))
    try:
        instant = str(convert(_absolute(condition.value, type_, now), "datetime"))
    except NotConvertible:
        nouns = f"{NOUNS['date']}, {NOUNS['datetime']}, or now, today, -7d, +12h, -3mo"
        raise _Meaningless(f"A field of dates is compared with {nouns}.") from None
    text = instant.removesuffix("Z")
    if type_ == "date":
        text = text.removesuffix("T00:00:00")
    return replace(condition, value=text, type=type_)


def _stored_form(value: Any, type_: str, now: datetime) -> Any:
    """Return a date as such a field stores it. Other values stay: they find unconverted ones."""
    try:
        return convert(_absolute(value, type_, now), type_)
    except NotConvertible:
        return value


def _absolute(value: Any, type_: str, now: datetime) -> Any:
    """Return a relative date as text: its day for a field of dates, else its second."""
    if not is_relative(value):
        return value
    text = clock.timestamp(moment(value, now))
    return text[:10] if type_ == "date" else text


def _compare_order(condition: Condition, key: str, kind: FieldKind) -> Condition:
    value, required = condition.value, kind.required_type
    is_text = isinstance(value, str)
    if required == "number" and is_text:
        try:
            return replace(condition, value=convert(value, "number"))
        except NotConvertible:
            pass
    if is_relative(value):
        raise _Meaningless(f"Relative dates need a field of dates: {_pin(key, 'date')}")
    if is_text and required != "string" and (dates := _date_type(value)) and kind.texts:
        raise _Meaningless(f"Dates as text have no order in time: {_pin(key, dates)}")
    if required == "boolean" or (not required and kind.booleans and kind.only("booleans")):
        raise _Meaningless("The field holds booleans, which have no order: use eq.")
    if required == "number" or (not required and kind.only("numbers")):
        if is_text:
            raise _Meaningless(
                f"The field holds numbers, which text has no order with: send a number, or "
                f"{_pin(key, 'string')}"
            )
    elif (required == "string" or kind.only("texts")) and not is_text:
        raise _Meaningless(
            "The field holds text, which a number has no order with: send a string in a search, or "
            f"{_pin(key, 'number')}"
        )
    return condition


def _date_type(text: str) -> str | None:
    """Return the type of dates that a text is one of."""
    try:
        convert(text, "datetime")
    except NotConvertible:
        return None
    return "date" if len(text.strip()) == len("2026-06-02") else "datetime"


def _pin(key: str, type_: str) -> str:
    path = f"/v1/custom-fields/{quote(key, safe='')}"
    return f'pin it with PUT {path} {{"type": "{type_}", "convert": true}}.'
