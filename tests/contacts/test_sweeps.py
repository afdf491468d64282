"""Batches: sized by time, and retried in the background until all are done."""

import time

import pytest

from app.contacts.sweeps import FIRST_BATCH, LARGEST_BATCH, finish_in_background, in_batches
from app.database import Connection, Database
from app.errors import Unavailable
from tests.conftest import wait_until


def _sizes(db: Database, seconds_each: float) -> list[int]:
    """Return the sizes of batches whose contacts take `seconds_each`."""
    sizes: list[int] = []

    def run_batch(tx: Connection, size: int) -> bool:
        sizes.append(size)
        end = time.thread_time() + size * seconds_each
        while time.thread_time() < end:
            pass
        return len(sizes) == 4

    in_batches(db, run_batch)
    return sizes


def test_batches_of_small_contacts_grow(db: Database) -> None:
    sizes = _sizes(db, 0.0)
    assert sizes[0] == FIRST_BATCH
    assert sizes[1:] == [LARGEST_BATCH] * 3


def test_batches_of_large_contacts_shrink(db: Database) -> None:
    sizes = _sizes(db, 0.01)
    assert sizes[0] == FIRST_BATCH
    assert all(1 <= size <= 5 for size in sizes[1:])


def test_retries_in_the_background(db: Database) -> None:
    outcomes: list[object] = []

    def unfinished(connection: Connection) -> list[object]:
        outcomes.append(connection)
        if len(outcomes) < 3:
            raise Unavailable("busy")
        return []

    finish_in_background(db, "test", unfinished)  # type: ignore[arg-type]
    wait_until(lambda: len(outcomes) == 3)


def test_logs_each_interruption_once(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def run_batch(tx: Connection, size: int) -> bool:
        runs.append(size)
        if len(runs) == 1:
            raise Unavailable("busy")
        return True

    for expected in (1, 2):
        finish_in_background(db, "test", lambda _: [run_batch])
        db._tasks["test"].wait(10)
        assert len(runs) == expected + 1
        assert sum(each.startswith("Finishing") for each in caplog.messages) == expected
