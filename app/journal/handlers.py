"""What is done with the journal: writers append to it, readers follow it."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app import clock
from app.database import Connection
from app.errors import Gone
from app.journal import store
from app.journal.model import DELETED, Event

LOOKED_AT = 10_000
PIECE = 25
LARGE = 8 * 2**20  # Characters; a page ends with the piece that reaches it.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def append(
    tx: Connection, event: str, timestamp: str, data: Mapping[str, Any], *, phone: str | None = None
) -> None:
    """Add an event in the caller's transaction; `phone` is that of the contact it tells of."""
    store.insert_event(tx, event, timestamp, phone, _encode(data))


def append_all(tx: Connection, timestamp: str, events: Sequence[tuple[str, str, str]]) -> None:
    """Add what is told of contacts: kind, phone and data as JSON."""
    store.insert_events(tx, [(event, timestamp, phone, data) for event, phone, data in events])


def erase_contact(tx: Connection, phone: str, id: str, timestamp: str) -> None:
    """Take a deleted contact out of what was told of it, and tell that it is deleted."""
    data = {"id": id, "deleted": True}
    store.erase_events(tx, phone, _encode(data))
    append(tx, DELETED, timestamp, data, phone=phone)


def merge_contact(tx: Connection, phone: str, to: str) -> None:
    """Let what was told of a contact be erased with the one that it was merged into."""
    store.move_events(tx, phone, to)


def read_changes(
    db: Connection, after: int | None, limit: int, events: Collection[str] | None
) -> tuple[list[Event], int]:
    """Return the next events, all or those of some kinds, and the number to go on after.

    They are at most `limit`, fewer where they are large.

    None starts with the oldest event there is. Needs a snapshot. Raises `Gone` where events
    after that number are kept no longer, or were never here.
    """
    removed, last = store.removed_through(db), store.last_seq(db)
    if after is None:
        after = removed
    if not removed <= after <= last:
        what = "are kept no longer" if after < removed else "were never in this store"
        raise Gone(
            f"Changes after {after} {what}: start over from a list of all contacts, then go on "
            f"after {last}.",
            details={"after": [f"Must be from {removed} to {last}."]},
        )
    return _page(db, after, limit, events)


def _page(
    db: Connection, after: int, limit: int, events: Collection[str] | None
) -> tuple[list[Event], int]:
    """Read a page piece by piece, until it is full or large: an event can hold a megabyte."""
    found: list[Event] = []
    size, end = 0, after + LOOKED_AT
    while True:
        most = min(limit - len(found), PIECE)
        if events is None:
            piece = store.list_events(db, after=after, most=most)
            after = piece[-1].seq if piece else after
        else:
            piece, after = store.list_events_of(
                db, events, after=after, most=most, looked_at=end - after
            )
        found += piece
        size += sum(len(each.data) for each in piece)
        if len(piece) < most or len(found) == limit or size >= LARGE:
            return found, after


def last_change(db: Connection) -> int:
    """Return the number of the newest change that was ever kept."""
    return store.last_seq(db)


def find_change(db: Connection, seq: int) -> Event | None:
    return store.find_event(db, seq)


def list_subjects(db: Connection, *, after: int, most: int) -> list[tuple[int, str, str | None]]:
    """Return number, kind and contact's phone of the `most` next changes, oldest first."""
    return store.list_subjects(db, after=after, most=most)


def remove_changes(tx: Connection, *, days: int, through: int | None, most: int) -> int:
    """Remove the oldest changes, `most` at once, that are older than `days`; return how many.

    None after the number `through` is removed.
    """
    before = clock.timestamp(clock.now() - timedelta(days=days))
    if through is None:
        through = store.last_seq(tx)
    return store.remove_events(tx, before, most, through)
