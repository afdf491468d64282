"""Moves contacts in and out of segments as time passes, where filters have relative dates.

One process calls `look_again` each minute (`app.webhooks.runner`). It looks at contacts whose
moment has come, by an index, and at no others.
"""

from collections import Counter

from app import clock
from app.contacts.listeners import NewEvent
from app.contacts.sweeps import contacts_by_id
from app.database import Connection, Database
from app.journal import handlers as journal
from app.segments import build, store, watched
from app.segments.moves import Counts, keep_moments, move, move_event

BATCH = 200


def look_again(db: Database) -> bool:
    """Move the next contacts whose moment has come; return whether there may be more.

    It also resumes what a process that has ended left to build. Raises a `ServiceError`.
    """
    now = int(clock.now().timestamp())
    if store.due_moments(db.connection(), now=now, most=1):
        with db.transaction() as tx:
            return _look_again(tx, now)
    build.finish(db)
    return False


def _look_again(tx: Connection, now: int) -> bool:
    due = store.due_moments(tx, now=now, most=BATCH)
    at = clock.timestamp()
    state = watched.current(tx, at)
    segments = {each.id: each for each in state.segments}
    contacts = {each[0]: each for each in contacts_by_id(tx, [id for _, id in due])}
    counts: Counts = Counter()
    events: list[NewEvent] = []
    store.clear_moments(tx, due)
    for segment_id, contact_id in due:
        segment = segments.get(segment_id)
        if segment is None or contact_id not in contacts:
            continue
        _, contact, row = contacts[contact_id]
        is_in = segment.test(state.facts(tx, contact_id, contact))
        if move(tx, segment, contact_id, is_in, counts) and not segment.is_silent:
            events.append(move_event(segment, is_in, contact.phone, None, row))
        keep_moments(tx, [(segment, contact_id, contact)], at)
    store.add_counts(tx, counts)
    journal.append_all(tx, at, events)
    return len(due) == BATCH
