"""Builds segments: tests all contacts in short batches that do not block other writers.

A change of a contact moves it at once, also during a build. So the build corrects the stored rows
only, up to `position`, and a contact that it has not reached counts as its filter says.
"""

import logging
import time
from collections import Counter
from functools import partial

from app import clock
from app.contacts.listeners import NewEvent
from app.contacts.sweeps import RunBatch, finish_in_background, in_batches, next_contacts
from app.database import Connection, Database
from app.errors import ServiceError
from app.journal import handlers as journal
from app.segments import store, watched
from app.segments.moves import Counts, keep_moments, move, move_event

LARGEST_BATCH = 500
INLINE_SECONDS = 1.0  # After which a request leaves the rest to a background thread.

_log = logging.getLogger(__name__)


def work_off(db: Database, seconds: float = INLINE_SECONDS) -> None:
    """Build and remove segments for some seconds; a background thread does what is left.

    Never raises a `ServiceError`: the background thread tries again.
    """
    end = time.monotonic() + seconds
    try:
        for run_batch in unfinished(db.connection()):
            in_batches(db, run_batch, largest=LARGEST_BATCH, end=end)
    except ServiceError:
        pass
    finish(db)


def finish(db: Database) -> None:
    """Finish in the background what is unfinished, also by a process that has ended.

    Never raises a `ServiceError`: the background thread waits for a store that is away.
    """
    try:
        is_over = not store.list_unfinished(db.connection())
    except ServiceError:
        is_over = False
    if not is_over:
        finish_in_background(
            db, "segments", unfinished, largest=LARGEST_BATCH, is_interrupted=False
        )


def unfinished(db: Connection) -> list[RunBatch]:
    return [
        partial(_remove_batch, id) if is_deleted else partial(_build_batch, id)
        for id, is_deleted in store.list_unfinished(db)
    ]


def _remove_batch(id: int, tx: Connection, size: int) -> bool:
    return store.remove_rows(tx, id, size)


def _build_batch(id: int, tx: Connection, size: int) -> bool:
    """Test the next contacts of a segment; return True when none is left."""
    now = clock.timestamp()
    stored = store.find_by_id(tx, id)
    if stored is None or stored.position is None:
        return True
    state = watched.current(tx, now)
    segment = next(each for each in state.segments if each.id == id)
    rows = next_contacts(tx, after=stored.position, most=size)
    last = rows[-1][0] if rows else stored.position
    members = store.members_between(tx, id, stored.position, last)
    counts: Counts = Counter()
    events: list[NewEvent] = []
    for contact_id, contact, row in rows:
        is_in = segment.test(state.facts(tx, contact_id, contact))
        if is_in != (contact_id in members):
            move(tx, segment, contact_id, is_in, counts)
            if stored.notify:
                events.append(move_event(segment, is_in, contact.phone, None, row))
    store.add_counts(tx, counts)
    keep_moments(tx, [(segment, id, contact) for id, contact, _ in rows], now)
    journal.append_all(tx, now, events)
    done = len(rows) < size
    store.set_position(tx, id, None if done else last)
    if done:
        store.change_version(tx)
    return done
