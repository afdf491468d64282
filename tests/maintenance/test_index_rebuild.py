"""A rebuild of the index rows that is interrupted leaves the store as it was."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.database import Database
from app.database.sqlite.files import opened
from app.maintenance.index_rebuild import rebuild
from tests.conftest import ROOT, clean_environ, store_faults
from tests.database.sqlite.stores import change, nothing

KILLED = """
import os, signal, sys
from pathlib import Path
from app.database.sqlite.files import opened
from app.maintenance.index_rebuild import rebuild

def progress(what, part):
    if what == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

with opened(Path(sys.argv[1]), "rw") as driver:
    rebuild(driver, Path(sys.argv[1]), progress)
"""


@pytest.fixture
def store(filled_db: Database) -> Path:
    filled_db.close()
    return change(filled_db.path, "DELETE FROM contact_tags", "UPDATE contacts SET words = ''")


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as driver:
        return list(driver.iterdump())


@pytest.mark.parametrize(
    "step", ["deleting the old index rows", "rebuilding the index rows", "counting"]
)
def test_a_kill_at_any_step_leaves_the_store_unchanged(store: Path, step: str) -> None:
    before = _dump(store)
    command = [sys.executable, "-c", KILLED, store, step]
    finished = subprocess.run(command, env=clean_environ(PYTHONPATH=str(ROOT)), timeout=60)
    assert finished.returncode == -signal.SIGKILL
    assert _dump(store) == before
    with opened(store, "rw") as driver:
        rebuild(driver, store, nothing)
    assert store_faults(store) == []


def test_an_interrupt_leaves_the_store_unchanged(store: Path) -> None:
    def interrupt(what: str, part: float | None) -> None:
        if what == "counting":
            raise KeyboardInterrupt

    before = _dump(store)
    with pytest.raises(KeyboardInterrupt), opened(store, "rw") as driver:
        rebuild(driver, store, interrupt)
    assert _dump(store) == before
