"""Moves one contact in or out of one segment: the stored row, the count and the event."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.contacts.listeners import NewEvent, Row, full_view
from app.contacts.model import Contact
from app.database import Connection
from app.journal.model import SEGMENT_ENTERED, SEGMENT_LEFT
from app.segments import filters, store
from app.segments.moments import next_moment
from app.segments.watched import Watched

Counts = Counter[int]
"""How many contacts entered a segment, less those that left it."""


def move(tx: Connection, segment: Watched, contact_id: int, is_in: bool, counts: Counts) -> bool:
    """Store whether a contact is in a segment; return whether that changed."""
    if is_in:
        moved = store.enter(tx, segment.id, contact_id)
        counts[segment.id] += moved
    else:
        moved = store.leave(tx, segment.id, contact_id)
        counts[segment.id] -= moved
    return moved


def keep_moments(
    tx: Connection, looked_at: Sequence[tuple[Watched, int, Contact]], now: str
) -> None:
    """Store when contacts are to be looked at again: (segment, row id, contact)."""
    at = datetime.fromisoformat(now)
    moments: list[tuple[int, int, int]] = []
    none: list[tuple[int, int]] = []
    for segment, contact_id, contact in looked_at:
        if segment.relative:
            moment = next_moment(contact, segment.relative, at)
            if moment is None:
                none.append((segment.id, contact_id))
            else:
                moments.append((segment.id, contact_id, moment))
    store.set_moments(tx, moments)
    store.clear_moments(tx, none)


def move_event(
    segment: Watched, is_in: bool, phone: str, actor: str | None, contact: Row | str
) -> NewEvent:
    """Return the event of a move; `contact` is what is stored of it, or the id of one that is gone.

    What is stored is JSON already, and is not encoded again.
    """
    view = f'{{"id":"{contact}"}}' if isinstance(contact, str) else full_view(contact)
    event = SEGMENT_ENTERED if is_in else SEGMENT_LEFT
    return event, phone, actor, f'{{"segment":{filters.encode(segment.name)},"contact":{view}}}'
