"""A backup is one consistent state of the store, verified, and only its owner can read it."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.contacts import handlers
from app.contacts.model import Draft
from app.database.sqlite.migrate import migrations
from app.database.sqlite.store import Database
from app.errors import Damaged, StartError
from app.maintenance.backup import ENDING, PART, back_up, verified
from tests.conftest import SOME, store_faults, wait_until
from tests.database.sqlite.stores import damage, nothing, older_store, other_program

_EVENTS = "SELECT count(*) FROM changes"
KILLED_WHILE_COPYING = """
import os, signal, sys
from pathlib import Path
from app.maintenance.backup import back_up

def die(what, part):
    if part is not None and part > 0.3:
        os.kill(os.getpid(), signal.SIGKILL)

back_up(Path(sys.argv[1]), Path(sys.argv[2]), die)
"""


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Upsert contacts in a thread until the end, each with an event in the journal."""
    stopped = threading.Event()

    def write() -> None:
        with closing(Database(path)) as db:
            number = 0
            while not stopped.is_set():
                number += 1
                name = f"name {number}"
                handlers.upsert_contact(db, Draft(f"9177{number % 50:08}", first_name=name))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_a_backup_during_writes_is_consistent(filled_db: Database, tmp_path: Path) -> None:
    """Every write changes a counter, the journal and several indexes together."""
    seqs = []
    with _writing(filled_db.path):
        wait_until(lambda: filled_db.connection().execute(_EVENTS)[0][0] > 20)
        for number in range(5):
            file = tmp_path / f"{number}.db"
            found = back_up(filled_db.path, file, lambda *_: time.sleep(0.002))
            assert store_faults(file) == []
            with closing(sqlite3.connect(file)) as driver:
                newest, first, contacts = driver.execute(
                    "SELECT max(seq), min(seq), (SELECT count(*) FROM contacts) FROM changes"
                ).fetchone()
                names = driver.execute(
                    "SELECT json_extract(document, '$.first_name') FROM contacts WHERE phone = :p",
                    {"p": f"9177{newest % 50:08}"},
                ).fetchone()
            assert names == (f"name {newest}",)
            assert found.counts["changes"] == newest - first + 1
            assert found.counts["contacts"] == contacts == SOME + min(newest, 50)
            seqs.append(newest)
    assert seqs == sorted(set(seqs))


def test_writes_one_file_that_only_its_owner_can_read(filled_db: Database, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    before = os.umask(0)
    try:
        found = back_up(filled_db.path, tmp_path / "backups" / "one.db", nothing)
    finally:
        os.umask(before)
    [file] = (tmp_path / "backups").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert found.schema_version == max(migrations())
    assert found.counts["contacts"] == SOME
    with closing(sqlite3.connect(file)) as driver:
        assert driver.execute("PRAGMA journal_mode").fetchone() == ("delete",)


@pytest.mark.parametrize("kind", ["file", "folder", "link", "link to nothing"])
def test_replaces_no_existing_file(filled_db: Database, tmp_path: Path, kind: str) -> None:
    file, other = tmp_path / "one.db", tmp_path / "other"
    if kind == "folder":
        file.mkdir()
    elif kind == "file":
        file.write_text("precious")
    else:
        file.symlink_to(other)
    if kind == "link":
        other.write_text("precious")
    with pytest.raises(StartError, match="exists"):
        back_up(filled_db.path, file, nothing)
    assert kind != "file" or file.read_text() == "precious"
    assert other.exists() == (kind == "link")


def test_a_kill_during_the_copy_leaves_only_a_temporary_file(
    filled_folder: Path, tmp_path: Path
) -> None:
    store, folder = filled_folder / "contacts.db", tmp_path / "backups"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_COPYING, str(store), str(folder / "one.db")],
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert list(folder.iterdir())
    for part in folder.iterdir():
        assert part.name.startswith(PART)
        assert part.stat().st_mode & 0o777 == 0o600
    back_up(store, folder / "one.db", nothing)
    assert store_faults(folder / "one.db") == store_faults(store) == []


def test_removes_temporary_files_that_are_a_day_old(filled_db: Database, tmp_path: Path) -> None:
    names = [f"{PART}old{ENDING}", f"{PART}young{ENDING}", ".download.part"]
    for name in names:
        (tmp_path / name).touch()
    for name in (names[0], names[2]):
        os.utime(tmp_path / name, (time.time() - 100_000,) * 2)
    back_up(filled_db.path, tmp_path / "one.db", nothing)
    assert [name for name in names if (tmp_path / name).exists()] == names[1:]


def test_an_interrupt_during_the_copy_leaves_no_file(filled_db: Database, tmp_path: Path) -> None:
    def interrupt(what: str, part: float | None) -> None:
        raise KeyboardInterrupt

    (tmp_path / "backups").mkdir()
    with pytest.raises(KeyboardInterrupt):
        back_up(filled_db.path, tmp_path / "backups" / "one.db", interrupt)
    assert list((tmp_path / "backups").iterdir()) == []


def test_copies_an_older_store(tmp_path: Path) -> None:
    store = older_store(tmp_path / "contacts.db", 2)
    found = back_up(store, tmp_path / "one.db", nothing)
    assert found.schema_version == 2
    assert found.counts == {"contacts": 2, "tags": 1, "custom_fields": 0, "api_keys": 1}


def test_refuses_a_damaged_store(filled_folder: Path, tmp_path: Path) -> None:
    store = filled_folder / "contacts.db"
    damage(store)
    (tmp_path / "backups").mkdir()
    with pytest.raises(Damaged, match="damaged"):
        back_up(store, tmp_path / "backups" / "one.db", nothing)
    assert list((tmp_path / "backups").iterdir()) == []


def test_refuses_a_file_that_is_not_a_store(tmp_path: Path) -> None:
    store, file = tmp_path / "contacts.db", tmp_path / "one.db"
    other_program(store)
    with pytest.raises(StartError, match="not a store of this service"):
        back_up(store, file, nothing)
    store.write_bytes(b"garbage" * 1000)
    with pytest.raises(Damaged, match=r"contacts\.db is damaged, or no SQLite database"):
        back_up(store, file, nothing)
    assert not file.exists()


def test_reports_a_file_that_it_cannot_write(filled_db: Database, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "one.db"
    with pytest.raises(StartError, match=f"cannot write {file}: No such file or directory"):
        back_up(filled_db.path, file, nothing)


def test_reports_a_full_disk(filled_db: Database, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (tmp_path / "backups").mkdir()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(StartError, match=r"cannot use .*one\.db"):
            back_up(filled_db.path, tmp_path / "backups" / "one.db", nothing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert list((tmp_path / "backups").iterdir()) == []


def test_verifying_a_backup_leaves_no_other_file(filled_db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(filled_db.path, folder / "one.db", nothing)
    before = (folder / "one.db").read_bytes()
    verified(folder / "one.db", nothing, called="it")
    assert list(folder.iterdir()) == [folder / "one.db"]
    assert (folder / "one.db").read_bytes() == before
