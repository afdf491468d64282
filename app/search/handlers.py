"""Tests a filter against one contact, and explains the result."""

from typing import Any

from app.contacts import handlers as contacts
from app.database import Database
from app.search import planner
from app.search.filters import Filter, conditions


def match_contact(db: Database, phone: str, filter: Filter) -> tuple[bool, list[dict[str, Any]]]:
    """Return whether a contact matches a filter, and the result of each condition.

    Raises `NotFound`.
    """
    leaves = list(conditions(filter))
    with db.snapshot() as snapshot:
        contact = contacts.find_contact(snapshot, phone)
        matches, *results = planner.match_contact(snapshot, contact.phone, [filter, *leaves])
    because = [
        {
            "field": leaf.field,
            "op": leaf.op,
            "value": leaf.value,
            "actual": contact.value(leaf.field),
            "matches": result,
        }
        for leaf, result in zip(leaves, results, strict=True)
    ]
    return matches, because
