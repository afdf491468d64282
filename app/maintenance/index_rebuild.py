"""Rebuilds index rows, search columns and counts from the contacts, for `contacts doctor --fix`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.database.sqlite.connection import Connection
from app.database.sqlite.files import Driver, Progress
from app.database.sqlite.locks import BUSY_SECONDS
from app.maintenance.index_checks import COUNTED, read_contacts, write_index_rows
from app.maintenance.segment_checks import rebuild_segments

# Counts start at zero, so they are negative while the rows are deleted: the triggers, which delete
# a tag or custom field when its count returns to zero, keep their row ids.
_ZERO = (
    "UPDATE tags SET contacts = 0",
    "UPDATE custom_fields SET strings = 0, numbers = 0, booleans = 0",
)
_CLEAR = (
    *_ZERO,
    "DELETE FROM contact_words",
    "DELETE FROM contact_tags",
    "DELETE FROM custom_field_values",
    *_ZERO,
)
_FINISH = (
    "DELETE FROM tags WHERE contacts = 0",
    """
    DELETE FROM custom_fields
    WHERE strings + numbers + booleans = 0 AND coalesce(label, required_type) IS NULL
    """,
    """
    DELETE FROM aliases
    WHERE contact_id NOT IN (SELECT id FROM contacts) OR phone IN (SELECT phone FROM contacts)
    """,
    *(
        f"""
        INSERT INTO counters (name, value) VALUES ('{name}', (SELECT count(*) FROM {name}))
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """
        for name in COUNTED
    ),
)


def rebuild(driver: Driver, store: Path, progress: Progress) -> None:
    """Rebuild everything that is derived from the contacts, in one transaction.

    The caller holds `exclusive(store)`. A process that is killed leaves the store as it was. Reads
    the contacts through `driver`. Raises `InsufficientStorage`, `Unavailable`.
    """
    with closing(Connection(store, is_alone=True)) as db:
        db.execute("PRAGMA cache_size = -64000")
        with transaction(db):
            _rebuild(driver, db, progress)


@contextmanager
def transaction(db: Connection) -> Iterator[Connection]:
    """Run a write transaction: committed at the end, or rolled back."""
    db.begin_write(BUSY_SECONDS)
    complete = False
    try:
        yield db
        complete = True
    finally:
        db.end_write(commit=complete)


def _rebuild(driver: Driver, db: Connection, progress: Progress) -> None:
    [(contacts,)] = driver.execute("SELECT count(*) FROM contacts").fetchall()
    for statement in _CLEAR:
        progress("deleting the old index rows", None)
        db.execute(statement)
    for done in write_index_rows(db, read_contacts(driver)):
        progress("rebuilding the index rows", done / contacts)
    for statement in _FINISH:
        progress("counting", None)
        db.execute(statement)
    progress("building the segments", None)
    rebuild_segments(db)
