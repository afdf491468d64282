"""Builds segments: tests all contacts in short batches that do not block other writers.

A change of a contact moves it at once, also during a build. So the build corrects the stored rows
only, up to `position`, and a contact that it has not reached counts as its filter says.

Contacts are tested outside of write transactions, a few at a time. The transaction of a batch tests
again only those that must move, since they may have changed. All others are right: whoever changed
them has moved them.
"""

import math
import time
from collections import Counter
from contextlib import suppress
from functools import partial

from app import clock
from app.contacts.listeners import NewEvent
from app.contacts.sweeps import (
    FIRST_BATCH,
    PAUSE_SECONDS,
    RunBatch,
    contacts_by_id,
    in_batches,
    next_size,
    run_in_background,
)
from app.database import Connection, Database
from app.errors import ServiceError
from app.journal import handlers as journal
from app.segments import store, watched
from app.segments.batch import Batch, begin_batch, check_next
from app.segments.moves import Counts, move, move_event

MOST_TESTED = 2_000  # Contacts in a batch.
TESTED_AT_ONCE = 40  # About a millisecond, in which other threads wait for the interpreter.
LOCKED_SECONDS = 0.005  # Processor time in which a batch holds the lock.
INLINE_SECONDS = 1.0  # After which a request leaves the rest to a background thread.


def work_off(db: Database, seconds: float = INLINE_SECONDS) -> None:
    """Build and remove segments for some seconds; a background thread does what is left.

    Never raises a `ServiceError`: the background thread tries again.
    """
    with suppress(ServiceError):
        run_unfinished(db, time.monotonic() + seconds)
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
        run_in_background(db, "segments", run_unfinished)


def run_unfinished(db: Database, end: float = math.inf) -> bool:
    """Build and remove segments until `end` (`time.monotonic()`); return whether there were any."""
    unfinished = store.list_unfinished(db.connection())
    for id, is_deleted in unfinished:
        if is_deleted:
            in_batches(db, partial(_remove_batch, id), end=end)
        else:
            _build(db, id, end)
    return bool(unfinished)


def build_at_once(tx: Connection) -> None:
    """Build and remove all segments in the caller's transaction."""
    for id, is_deleted in store.list_unfinished(tx):
        run_batch: RunBatch = partial(_remove_batch if is_deleted else build_batch, id)
        while not run_batch(tx, MOST_TESTED):
            pass


def build_batch(id: int, tx: Connection, size: int) -> bool:
    """Build from the next contacts in the caller's transaction; return True when none is left."""
    batch = begin_batch(tx, id)
    if batch is None:
        return True
    check_next(tx, batch, size)
    store_batch(tx, batch)
    return batch.is_last


def _remove_batch(id: int, tx: Connection, size: int) -> bool:
    return store.remove_rows(tx, id, size)


def _build(db: Database, id: int, end: float) -> None:
    """Build a segment in batches, each with as many moves as `LOCKED_SECONDS` allow."""
    most = FIRST_BATCH
    while time.monotonic() < end and (batch := begin_batch(db.connection(), id)):
        while not batch.is_last and batch.tested < MOST_TESTED and batch.writes < most:
            with db.snapshot() as reads:
                check_next(reads, batch, TESTED_AT_ONCE)
            time.sleep(PAUSE_SECONDS / 4)  # Lets other threads of this process run.
        with db.transaction() as tx:
            # CPU time of this thread: waiting for other threads must not make batches smaller.
            started = time.thread_time()
            store_batch(tx, batch)
            took = time.thread_time() - started
        most = next_size(most, took, LOCKED_SECONDS)
        time.sleep(PAUSE_SECONDS)  # Lets writers of other processes have the lock.


def store_batch(tx: Connection, batch: Batch) -> None:
    """Store what a batch found, nothing where segments have changed since it began."""
    now = clock.timestamp()
    stored = store.find_by_id(tx, batch.segment_id)
    state = watched.current(tx, now)
    if stored is None or stored.position != batch.after or state.version != batch.version:
        return
    segment = state.segment(batch.segment_id)
    counts: Counts = Counter()
    events: list[NewEvent] = []
    for contact_id, contact, row in contacts_by_id(tx, batch.to_move):
        is_in = segment.test(state.facts(tx, contact_id, contact))
        if move(tx, segment, contact_id, is_in, counts) and stored.notify:
            events.append(move_event(segment, is_in, contact.phone, None, row))
    store.add_counts(tx, counts)
    store.add_moments(tx, batch.moments)
    journal.append_all(tx, now, events)
    store.set_position(tx, segment.id, None if batch.is_last else batch.last)
    if batch.is_last:
        store.change_version(tx)
