"""The reads of the model, by the contract alone: filters, words and orders in plain Python.

Only what a text folds to, its words and the normalising of phones are the service's own.
"""

import json
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.contacts.phone import normalise
from app.database.text import fold, words

NAMES = ("first_name", "last_name", "email")
ORDERED = ("gt", "gte", "lt", "lte")
COMPARE = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "contains": operator.contains,
    "starts_with": str.startswith,
}
BOUNDS = {
    "created_since": ("created_at", "gte"),
    "created_before": ("created_at", "lt"),
    "updated_since": ("updated_at", "gte"),
    "updated_before": ("updated_at", "lt"),
}

View = dict[str, Any]


@dataclass(eq=False)
class Entry:
    """A stored contact: its number in the order of arrival, its full view, and its last change."""

    number: int
    view: View
    changed_at: datetime


@dataclass(frozen=True)
class Query:
    """A query over all contacts: parameters of a list, or the body of a search."""

    parameters: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None

    @property
    def sort(self) -> str:
        return str(dict(self.parameters if self.body is None else self.body).get("sort", ""))


def is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def line(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip())


def kind(value: Any) -> type:
    return float if type(value) is int else type(value)


class Reads:
    """Contacts, and the phones that were merged into them."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.aliases: dict[str, Entry] = {}

    def known(self, id: str) -> Entry | None:
        phone = normalise(id.removeprefix("cnt_"))
        return self.entries.get(phone) or self.aliases.get(phone)

    def tags(self) -> set[str]:
        return {tag for entry in self.entries.values() for tag in entry.view["tags"]}

    def select(self, query: Query) -> list[Entry]:
        """Return the contacts that match a query, in its order."""
        holds = self._asked(query)
        found = sorted(filter(holds, self.entries.values()), key=lambda entry: entry.number)
        descending = query.sort.startswith("-")
        if descending:
            found.reverse()
        keyed = [entry for entry in found if self.sort_key(query, entry) is not None]
        keyed.sort(key=lambda entry: self.sort_key(query, entry), reverse=descending)
        if descending:  # Sorting is stable, in reverse too.
            keyed.sort(key=lambda entry: -entry.number)
            keyed.sort(key=lambda entry: self.sort_key(query, entry), reverse=True)
        return keyed + [entry for entry in found if self.sort_key(query, entry) is None]

    def sort_key(self, query: Query, entry: Entry) -> Any:
        field = query.sort.removeprefix("-")
        if field == "updated_at":
            return entry.changed_at  # To the microsecond.
        value = entry.view[field] if field else entry.number
        return fold(value) if field in NAMES else value

    def refuses(self, tree: Mapping[str, Any]) -> bool:
        """Return whether a tree has an order comparison that the service rejects."""
        for name in ("all", "any"):
            if name in tree:
                return any(map(self.refuses, tree[name]))
        if "not" in tree:
            return self.refuses(tree["not"])
        if tree["op"] not in ORDERED or not tree["field"].startswith("custom_fields."):
            return False
        found = {kind(actual_value(tree["field"], entry)) for entry in self.entries.values()}
        found.discard(type(None))
        return len(found) == 1 and found != {kind(tree["value"])}

    def refuses_query(self, query: Query) -> bool:
        if query.body is not None:
            return bool(query.body.get("filter")) and self.refuses(query.body["filter"])
        for name, text in query.parameters:
            custom = re.fullmatch(r"custom_fields\[(.+?)\]\[(gt|gte|lt|lte)\]", name)
            if custom:
                leaf = {"field": f"custom_fields.{custom[1]}", "op": custom[2]}
                if self.refuses({**leaf, "value": ordered_reading(text)}):
                    return True
        return False

    def _asked(self, query: Query) -> Callable[[Entry], bool]:
        if query.body is not None:
            tree, text = query.body.get("filter"), query.body.get("q")
            return lambda entry: (
                (not tree or self.holds(tree, entry)) and (text is None or found_by(text, entry))
            )
        asked = [each for each in query.parameters if each[0] != "sort"]
        return lambda entry: all(self._parameter(*each, entry) for each in asked)

    def _parameter(self, name: str, text: str, entry: Entry) -> bool:
        if name == "q":
            return found_by(text, entry)
        if name in BOUNDS:
            field, op = BOUNDS[name]
            return self._leaf(field, op, text, entry)
        if not (custom := re.fullmatch(r"custom_fields\[(.+?)\](?:\[(.+)\])?", name)):
            return self._leaf(name, "eq", text, entry)
        field, op = f"custom_fields.{custom[1]}", custom[2] or "eq"
        match op:
            case "exists":
                return self._leaf(field, op, text == "true", entry)
            case "in":
                given = [each for part in text.split(",") for each in readings(part)]
                return self._leaf(field, op, given, entry)
            case "eq" | "ne":
                return self._leaf(field, "in", readings(text), entry) == (op == "eq")
            case "gt" | "gte" | "lt" | "lte":
                return self._leaf(field, op, ordered_reading(text), entry)
        return self._leaf(field, op, text, entry)

    def holds(self, tree: Mapping[str, Any], entry: Entry) -> bool:
        if "all" in tree:
            return all(self.holds(each, entry) for each in tree["all"])
        if "any" in tree:
            return any(self.holds(each, entry) for each in tree["any"])
        if "not" in tree:
            return not self.holds(tree["not"], entry)
        return self._leaf(tree["field"], tree["op"], tree["value"], entry)

    def _leaf(self, field: str, op: str, value: Any, entry: Entry) -> bool:
        if op == "ne":
            return not self._leaf(field, "eq", value, entry)
        if op == "in":
            return any(self._leaf(field, "eq", each, entry) for each in value)
        actual = actual_value(field, entry)
        if op == "exists":
            return (actual not in (None, [])) is value
        if field == "tag":
            return line(value) in actual
        if field in ("id", "phone"):
            if op == "starts_with":
                return bool(actual.startswith(leading_digits(value)))
            return self.known(value) is entry
        if field in ("created_at", "updated_at"):
            moments = [datetime.fromisoformat(each.upper()) for each in (actual, value)]
            return bool(COMPARE[op](*moments))
        if field in NAMES:
            actual, value = (
                (actual, line(value)) if op == "eq" else map(fold, (actual, line(value)))
            )
        return kind(actual) is kind(value) and bool(COMPARE[op](actual, value))


def ordered_reading(text: str) -> Any:
    numbers = [each for each in readings(text) if kind(each) is float]
    return (numbers or [text])[0]


def actual_value(field: str, entry: Entry) -> Any:
    if field.startswith("custom_fields."):
        return entry.view["custom_fields"].get(line(field.removeprefix("custom_fields.")))
    return entry.view["tags" if field == "tag" else field]


def found_by(text: str, entry: Entry) -> bool:
    """Return whether each word is a prefix of a word or the phone, or the text one of the phone."""
    own = words(*(entry.view[name] for name in NAMES))
    phone = entry.view["phone"]
    asked = words(line(text))
    digits = leading_digits(line(text))
    return bool(digits and phone.startswith(digits)) or bool(
        asked
        and all(
            any(word.startswith(each) for word in own)
            or (re.fullmatch("[0-9]+", each) and phone.startswith(each))
            for each in asked
        )
    )


def leading_digits(text: str) -> str:
    digits = re.sub(r"[\s().\-/]", "", text)
    digits = digits[1:] if digits.startswith("+") else digits.removeprefix("00")
    return digits if re.fullmatch("[0-9]+", digits) else ""


def readings(text: str) -> list[Any]:
    """Return what a query's value may stand for: a string, and the number or boolean it spells."""
    try:
        value = json.loads(text)
    except ValueError:
        return [text]
    plain = text == text.strip() and value is not None and isinstance(value, int | float)
    return [text, value] if plain else [text]
