"""Copies a store in use into memory, and puts such a copy back in one transaction."""

from contextlib import closing
from pathlib import Path

from app.database.sqlite.files import Driver, opened
from app.database.sqlite.locks import WriteQueue

# Attempts under way refer to their delivery by its number: a restored table must not reuse one.
_NEVER_REUSED = "deliveries"


def copy(store: Path) -> bytes:
    """Return the content of a store in use, as one database file. Raises `StartError`."""
    with opened(store, "rw") as live:
        content = live.serialize()
    # A database in memory has no write-ahead log: bytes 18 and 19 of the header say "WAL" (2) or
    # "rollback journal" (1), https://www.sqlite.org/fileformat2.html#file_format_version_numbers.
    return content[:18] + b"\1\1" + content[20:]


def put_back(content: bytes, store: Path) -> None:
    """Replace the content of a store in use; readers see the old or the new content.

    Raises `StartError` or `OSError`.
    """
    with (
        closing(WriteQueue(store)) as queue,
        opened(store, "rw") as live,
        closing(Driver(":memory:", isolation_level=None)) as memory,
    ):
        memory.deserialize(content)
        queue.enter()
        _keep_numbers(live, memory)
        live.execute("PRAGMA synchronous = FULL").fetchall()
        memory.backup(live)


def _keep_numbers(live: Driver, copy: Driver) -> None:
    """Let the numbers of deliveries continue after the last one that the store gave out."""
    last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
    used, known = (driver.execute(last, (_NEVER_REUSED,)).fetchone()[0] for driver in (live, copy))
    if used > known:
        copy.execute("DELETE FROM sqlite_sequence WHERE name = ?", (_NEVER_REUSED,))
        copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (_NEVER_REUSED, used))
