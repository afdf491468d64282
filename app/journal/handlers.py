"""Operations on the journal: writers append events, readers follow them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from app import clock
from app.compact_json import encode
from app.database import Connection
from app.errors import Gone
from app.journal import store
from app.journal.model import DELETED, Event, Subject

MAX_SCANNED = 10_000  # Events that one page looks at in search of some kinds.
PIECE = 25  # Events that are read at once.
LARGE_PAGE = 8 * 2**20  # Bytes; a page ends with the event that reaches this size.


def append(
    tx: Connection,
    event: str,
    timestamp: str,
    data: Mapping[str, Any],
    *,
    phone: str | None = None,
    actor: str | None,
) -> None:
    """Append an event in the caller's transaction.

    `phone` is that of its contact, if any, `actor` the id of the API key that made the change.
    """
    store.insert_events(tx, [(event, timestamp, phone, actor, encode(data))])


def append_all(
    tx: Connection, timestamp: str, events: Sequence[tuple[str, str, str | None, str]]
) -> None:
    """Append events of contacts in the caller's transaction: (kind, phone, actor, data as JSON)."""
    store.insert_events(tx, [(event, timestamp, *rest) for event, *rest in events])


def erase_contact(tx: Connection, phone: str, id: str, timestamp: str, actor: str | None) -> None:
    """Replace the data of a contact's events with its id, and append `contact.deleted`."""
    data = {"id": id, "deleted": True}
    store.erase_events(tx, phone, id, encode(data))
    append(tx, DELETED, timestamp, data, phone=phone, actor=actor)


def merge_contact(tx: Connection, phone: str, to: str) -> None:
    """Move the events of a merged contact to the survivor, so that they are erased with it."""
    store.move_events(tx, phone, to)


def read_changes(
    db: Connection, after: int | None, limit: int, events: Collection[str] | None
) -> tuple[list[Event], int]:
    """Return at most `limit` events after a number, and the number to continue after.

    `after` None starts with the oldest event, `events` None returns all kinds. A page is shorter
    if its events are large. Needs a snapshot. Raises `Gone` if later events have been removed, or
    if the number is higher than the last one.
    """
    removed, last = store.removed_through(db), store.last_seq(db)
    if after is None:
        after = removed
    if not removed <= after <= last:
        why = "are no longer kept" if after < removed else "were never in this store"
        raise Gone(
            f"Changes after {after} {why}: start over with a list of all contacts, then continue "
            f"after {last}.",
            details={"after": [f"Must be from {removed} to {last}."]},
        )
    return _page(db, after, limit, events)


def _page(
    db: Connection, after: int, limit: int, events: Collection[str] | None
) -> tuple[list[Event], int]:
    """Read a page in pieces until it is full or large: one event can have some megabytes."""
    found: list[Event] = []
    size, end = 0, after + MAX_SCANNED
    while True:
        most = min(limit - len(found), PIECE)
        if events is None:
            piece = store.list_events(db, after=after, most=most)
            after = piece[-1].seq if piece else after
        else:
            piece, after = store.list_events_of(
                db, events, after=after, most=most, scanned=end - after
            )
        for each in piece:
            found.append(_whole(db, each))
            size += len(found[-1].data.encode())
            if size >= LARGE_PAGE:
                return found, each.seq
        if len(piece) < most or len(found) == limit:
            return found, after


def _whole(db: Connection, event: Event) -> Event:
    """Return an event with its data, which is read alone where it is large."""
    return event if event.data else store.find_event(db, event.seq) or event


def last_change(db: Connection) -> int:
    """Return the number of the newest change, also if it has been removed."""
    return store.last_seq(db)


def find_change(db: Connection, seq: int) -> Event | None:
    return store.find_event(db, seq)


def list_subjects(db: Connection, *, after: int, most: int) -> list[Subject]:
    """Return what the next `most` changes are about, oldest first."""
    return store.list_subjects(db, after=after, most=most)


def changed_fields(db: Connection, seq: int) -> list[str] | None:
    """Return the names of the fields that an event changed, None if it names none."""
    return store.changed_fields(db, seq)


def read_history(
    db: Connection, phone: str, *, before: int | None, limit: int
) -> tuple[list[Event], int | None]:
    """Return at most `limit` events of a contact, newest first, and the number to continue before.

    `before` None starts with the newest event; the number is None at the end. A page is shorter if
    its events are large. Needs a snapshot.
    """
    found: list[Event] = []
    size, before = 0, 2**63 - 1 if before is None else before
    while True:
        most = min(limit - len(found), PIECE)
        # One more than the page shows whether there is a next page.
        piece = store.list_history(db, phone, before=before, most=most + 1)
        for index, each in enumerate(piece[:most], 1):
            found.append(_whole(db, each))
            size += len(found[-1].data.encode())
            if size >= LARGE_PAGE and index < len(piece):
                return found, each.seq
        if len(piece) <= most:
            return found, None
        before = found[-1].seq
        if len(found) == limit:
            return found, before


def remove_changes(tx: Connection, *, days: int, through: int | None, most: int) -> int:
    """Remove at most `most` changes that are older than `days`; return how many.

    Changes after the number `through` are kept.
    """
    before = clock.timestamp(clock.now() - timedelta(days=days))
    tx.number_changes()
    if through is None:
        through = store.last_seq(tx)
    return store.remove_events(tx, before, most, through)
