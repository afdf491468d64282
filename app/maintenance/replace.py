"""Keeps states of a store that is in use, and puts one back in one transaction."""

import os
from contextlib import closing
from pathlib import Path

from app.database.files import Driver, copy, opened
from app.database.locks import WriteQueue

# Numbers that must not come twice, even after their table was put back: what is under way has them.
_NUMBERS_THAT_GO_ON = "deliveries"


def keep(store: Path, file: Path) -> None:
    """Copy the state of a store that is in use into a file, which appears whole.

    Raises `StartError` or `OSError`.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        copy(store, "rw", part, lambda *_: None, called=str(file))
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)


def put_back(file: Path, store: Path) -> None:
    """Give a store the content of a file that `keep` made; those who read see the one or the other.

    Raises `StartError` or `OSError`.
    """
    with closing(WriteQueue(store)) as queue, opened(store, "rw") as live:
        queue.enter()
        with opened(file, "rw") as kept:
            _go_on_with_numbers(live, kept)
            live.execute("PRAGMA synchronous = FULL").fetchall()
            kept.backup(live)


def _go_on_with_numbers(live: Driver, kept: Driver) -> None:
    last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
    used, known = (
        driver.execute(last, (_NUMBERS_THAT_GO_ON,)).fetchone()[0] for driver in (live, kept)
    )
    if used > known:
        kept.execute("DELETE FROM sqlite_sequence WHERE name = ?", (_NUMBERS_THAT_GO_ON,))
        kept.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (_NUMBERS_THAT_GO_ON, used)
        )
