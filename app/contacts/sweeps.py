"""Sweeps: changes of many contacts, in short batches so that other writers are not blocked.

Renaming a tag, deleting a tag and deleting a custom field are sweeps. A sweep is stored before its
first batch, so that a later request or the next start of the server can finish it.
"""

import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app import clock
from app.contacts.listeners import Written, announce
from app.contacts.model import Contact, Edit
from app.contacts.store import Row, columns, parse, update_states
from app.database import Connection, Database
from app.errors import NotFound, ServiceError

FIRST_BATCH = 20  # Small: a contact can hold nearly a megabyte.
LARGEST_BATCH = 250
BATCH_SECONDS = 0.05
PAUSE_SECONDS = 0.002

_STORED = ("document", "custom_fields", "updated_at")
_COLUMNS = ", ".join(("id", *_STORED))

Read = tuple[int, Contact, Row]
"""The row id of a contact, the contact, and its stored columns."""

RunBatch = Callable[[Connection, int], bool]
"""Changes the next contacts, up to a number, in the caller's transaction; True at the end."""


@dataclass(frozen=True)
class StartedSweep:
    """A sweep that is stored and unfinished.

    `contacts` is how many contacts it changes, as far as the caller asked for that. `is_requested`
    is False for an older sweep, which must be finished before the one that the caller requests.
    """

    run_batch: RunBatch
    contacts: int
    is_requested: bool


_log = logging.getLogger(__name__)


def next_contacts(db: Connection, *, after: int, most: int) -> list[Read]:
    """Return the contacts after a row id, in order, `most` at most."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM contacts WHERE id > :after ORDER BY id LIMIT :most",
        {"after": after, "most": most},
    )
    return list(map(_read, rows))


def contacts_by_id(db: Connection, ids: Sequence[int]) -> list[Read]:
    """Return the contacts with these row ids, in their order."""
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM contacts
        WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
        ORDER BY id
        """,
        {"ids": json.dumps(list(ids))},
    )
    return list(map(_read, rows))


def _read(columns: tuple[Any, ...]) -> Read:
    id, *stored = columns
    return id, parse(*stored), dict(zip(_STORED, stored, strict=True))


def edit_contacts(tx: Connection, ids: Sequence[int], edit: Edit, actor: str | None) -> None:
    """Change contacts by their row ids; the caller changes their index rows.

    `actor` is the id of the API key that started the sweep. Listeners learn of each contact.
    """
    now = clock.precise_timestamp()
    changed: list[Written] = []
    for id, before, _ in contacts_by_id(tx, ids):
        change = edit(before, now)
        after = change.after
        changed.append(Written(id, change.before, after, columns(after), change.changed, actor))
    update_states(tx, [(each.id, each.row) for each in changed if each.row])
    announce(tx, changed, clock.whole_second(now))


def sweep(
    db: Database,
    start: Callable[[Connection], StartedSweep],
    finish_later: Callable[[Database], None],
) -> int:
    """Run a sweep, older ones before it; return how many contacts changed.

    `start` stores the sweep, or returns an older one that comes first. It may raise `NotFound`,
    which is raised here unless an older sweep did the work. If a batch fails, `finish_later` is
    called, and `Unavailable` or `InsufficientStorage` is raised.
    """
    changed, is_requested = 0, False
    while not is_requested:
        try:
            started = db.write(start, alone=True)
        except NotFound:
            if changed:
                break
            raise
        try:
            in_batches(db, started.run_batch)
        except BaseException:
            finish_later(db)
            raise
        changed += started.contacts
        is_requested = started.is_requested
    db.erase_log()
    return changed


def in_batches(
    db: Database,
    run_batch: RunBatch,
    *,
    end: float = math.inf,
) -> None:
    """Run batches of about `BATCH_SECONDS`, each in a transaction, until the last is done.

    Stops at `end`, an instant of `time.monotonic()`. A batch has at most `LARGEST_BATCH` contacts.
    Raises `Unavailable` or `InsufficientStorage`; finished batches stay stored.
    """
    size, done = FIRST_BATCH, False
    while not done and time.monotonic() < end:
        with db.transaction() as tx:
            # CPU time of this thread: waiting for other threads must not make batches smaller.
            started = time.thread_time()
            done = run_batch(tx, size)
            took = time.thread_time() - started
        size = next_size(size, took, BATCH_SECONDS)
        time.sleep(PAUSE_SECONDS)  # Lets other threads of this process run.


def next_size(size: int, took: float, seconds: float) -> int:
    """Return the size of a batch that takes `seconds`, after one of `size` that took `took`."""
    return max(1, min(LARGEST_BATCH, int(size * seconds / max(took, 0.001))))


def finish_in_background(
    db: Database,
    name: str,
    unfinished: Callable[[Connection], Sequence[RunBatch]],
) -> None:
    """Finish interrupted sweeps in a background thread, which retries until it succeeds.

    The thread of a `name` runs once: another call while it runs does nothing.
    """
    logged = False

    def finish(db: Database) -> bool:
        nonlocal logged
        sweeps = unfinished(db.connection())
        if sweeps and not logged:
            _log.warning("Finishing an interrupted change of many contacts: %s", name)
            logged = True
        for run_batch in sweeps:
            in_batches(db, run_batch)
        logged = False  # The same function is called for the next ones.
        return bool(sweeps)

    run_in_background(db, name, finish)


def run_in_background(db: Database, name: str, finish: Callable[[Database], bool]) -> None:
    """Call `finish` in a background thread until it raises no `ServiceError`.

    It returns whether it changed contacts, of which nothing may stay in the log. The thread of a
    `name` runs once: another call while it runs does nothing.
    """

    def attempt() -> bool:
        try:
            if finish(db):
                db.erase_log()
        except ServiceError:
            return False
        finally:
            db.close()
        return True

    db.in_background(name, attempt)
