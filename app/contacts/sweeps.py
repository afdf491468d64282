"""Changes many contacts, a batch at a time, so that other writers get in between."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app import clock
from app.contacts.model import Edit
from app.contacts.store import parse, update_states
from app.database import Connection, Database
from app.errors import NotFound, ServiceError

FIRST_BATCH = 20  # Small: a contact can hold nearly a megabyte.
LARGEST_BATCH = 250
BATCH_SECONDS = 0.05
PAUSE_SECONDS = 0.002

Advance = Callable[[Connection, int], bool]
"""Changes the next contacts, at most so many, in the caller's transaction; True at the end."""


@dataclass(frozen=True)
class Begun:
    """A change of many contacts that is under way.

    `contacts` is how many of them count for the caller; it is not the caller's `own` where it
    was asked for before and has to come first.
    """

    advance: Advance
    contacts: int
    own: bool


_log = logging.getLogger(__name__)


def edit_contacts(tx: Connection, ids: Sequence[int], edit: Edit) -> None:
    """Change contacts by their row ids; the rows that find them are left to the caller."""
    parameters: dict[str, object] = {f"id{index}": id for index, id in enumerate(ids)}
    rows = tx.execute(
        f"""
        SELECT id, document, custom_fields, updated_at
        FROM contacts
        WHERE id IN ({", ".join(f":{name}" for name in parameters)})
        """,
        parameters,
    )
    now = clock.timestamp()
    update_states(tx, [(id, edit(parse(*stored), now).after) for id, *stored in rows])


def sweep(
    db: Database, begin: Callable[[Connection], Begun], finish_later: Callable[[Database], None]
) -> int:
    """Change many contacts, those of older changes first; return how many it were.

    `begin` stores the intention, so that it is finished whatever happens here. It may raise
    `NotFound`: then nothing is left to change. Raises `Unavailable`, `InsufficientStorage`.
    """
    changed, own = 0, False
    while not own:
        try:
            begun = db.write(begin)
        except NotFound:
            if changed:
                break
            raise
        try:
            in_batches(db, begun.advance)
        except BaseException:
            finish_later(db)
            raise
        changed, own = changed + begun.contacts, begun.own
    db.erase_log()
    return changed


def in_batches(db: Database, advance: Advance) -> None:
    """Run short transactions, until `advance` is done.

    Raises `Unavailable`, `InsufficientStorage`; what was done until then stays done.
    """
    size, done = FIRST_BATCH, False
    while not done:
        with db.transaction() as tx:
            # The time of this thread alone: waiting for others is no reason for smaller batches.
            started = time.thread_time()
            done = advance(tx, size)
            took = time.thread_time() - started
        size = max(1, min(LARGEST_BATCH, int(size * BATCH_SECONDS / max(took, 0.001))))
        time.sleep(PAUSE_SECONDS)  # For this process' other threads, which want the interpreter.


def finish_in_background(
    db: Database, name: str, unfinished: Callable[[Connection], Sequence[Advance]]
) -> None:
    """Finish what was interrupted, if anything was; called again, it does not start twice."""
    told = False

    def attempt() -> bool:
        nonlocal told
        try:
            sweeps = unfinished(db.connection())
            if sweeps and not told:
                _log.warning("Finishing a change of many contacts: %s", name)
                told = True
            for advance in sweeps:
                in_batches(db, advance)
            if sweeps:
                db.erase_log()
        except ServiceError:
            return False
        finally:
            db.close()
        return True

    db.in_background(name, attempt)
