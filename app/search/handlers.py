"""Tests a filter against one contact, and explains the result."""

from typing import Any

from app.contacts import handlers as contacts
from app.contacts.alias_store import list_aliases
from app.database import Database
from app.search.filters import Filter, conditions, segment_names
from app.search.matching import Facts, compile_filter
from app.search.resolve import resolve
from app.search.store import find_segments


def match_contact(db: Database, phone: str, filter: Filter) -> tuple[bool, list[dict[str, Any]]]:
    """Return whether a contact matches a filter, and the result of each condition.

    Raises `NotFound`, and `InvalidInput` for a comparison that cannot mean anything.
    """
    leaves = list(conditions(filter))
    with db.snapshot() as snapshot:
        stored = contacts.find_stored(snapshot, phone)
        contact = stored.contact
        resolved = resolve(snapshot, filter)
        by_phone = any(leaf.field in ("id", "phone") for leaf in leaves)
        aliases = list_aliases(snapshot, stored.id) if by_phone else []
        segments = find_segments(snapshot, contact.phone, segment_names(filter))
    facts = Facts(contact, lambda: aliases, lambda: segments)
    because = [
        {
            "field": leaf.field,
            "op": leaf.op,
            "value": leaf.value,
            "actual": segments if leaf.field == "segment" else contact.value(leaf.field),
            "matches": compile_filter(meant)(facts),
        }
        for leaf, meant in zip(leaves, conditions(resolved), strict=True)
    ]
    return compile_filter(resolved)(facts), because
