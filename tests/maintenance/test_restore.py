"""A restore replaces a store that nobody uses in full or not at all, and keeps the old one."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.contacts import handlers
from app.contacts.model import Draft
from app.database.sqlite.locks import InUseLock
from app.database.sqlite.migrate import migrate, migrations
from app.database.sqlite.store import Database
from app.errors import Gone, ServiceError, StartError
from app.journal.handlers import last_change, read_changes
from app.maintenance.backup import back_up
from app.maintenance.restore import restore
from tests.conftest import SOME, store_faults
from tests.database.sqlite.stores import change, damage, nothing, older_store, other_program

PHONE = "918856879188"
# Ends a restore, as a loss of power would, before the change of a folder with the given number.
KILLED = """
import os, sys
from pathlib import Path
from app.maintenance import restore

left = int(sys.argv[4])

def killed(event, arguments):
    global left
    steps = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
    if event in steps and "data" in str(arguments):
        left -= 1
        if left == 0:
            os._exit(9)

sys.addaudithook(killed)
restore.restore(*map(Path, sys.argv[1:4]), lambda what, part: None)
"""


@pytest.fixture
def store(filled_db: Database, tmp_path: Path) -> Path:
    """A store with one contact more than `backup` has."""
    folder = tmp_path / "data"
    shutil.copytree(filled_db.path.parent, folder)
    path = folder / "contacts.db"
    with closing(Database(path)) as db:
        handlers.upsert_contact(db, Draft(PHONE, first_name="Later"))
    return path


@pytest.fixture
def backup(filled_db: Database, tmp_path: Path) -> Path:
    file = tmp_path / "backup.db"
    back_up(filled_db.path, file, nothing)
    return file


def _kept(store: Path) -> Path:
    return store.with_name("kept.db")


def _contacts(path: Path) -> int:
    with closing(sqlite3.connect(path)) as driver:
        return int(driver.execute("SELECT count(*) FROM contacts").fetchone()[0])


def _files(store: Path) -> set[str]:
    return {path.name for path in store.parent.iterdir()}


def test_replaces_the_store_and_keeps_the_old_one(store: Path, backup: Path) -> None:
    restored = restore(backup, store, _kept(store), nothing)
    assert restored.kept == _kept(store)
    assert restored.copy.counts["contacts"] == _contacts(store) == SOME
    assert _contacts(_kept(store)) == SOME + 1
    assert store_faults(store) == store_faults(_kept(store)) == []
    made = {"contacts.db", "kept.db", "contacts.in-use", "contacts.lock"}
    assert _files(store) - {"metrics"} == made
    assert all(path.stat().st_mode & 0o077 == 0 for path in store.parent.glob("*.db"))
    with closing(Database(store)) as db:
        handlers.upsert_contact(db, Draft(PHONE))


def test_keeps_writes_that_are_only_in_the_log_of_the_old_store(store: Path, backup: Path) -> None:
    """The state after `kill -9`."""
    script = (
        "import os, sys; from pathlib import Path; from app.database.sqlite.store import Database;"
        "from app.contacts import handlers; from app.contacts.model import Draft;"
        "handlers.upsert_contact(Database(Path(sys.argv[1])), Draft('918856879189')); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, store], check=False, timeout=60)
    assert store.with_name("contacts.db-wal").stat().st_size
    restore(backup, store, _kept(store), nothing)
    assert _contacts(_kept(store)) == SOME + 2
    assert not store.with_name("contacts.db-wal").exists()


def test_restores_into_an_empty_folder(backup: Path, tmp_path: Path) -> None:
    store = tmp_path / "new" / "contacts.db"
    store.parent.mkdir()
    assert restore(backup, store, _kept(store), nothing).kept is None
    assert _contacts(store) == SOME


@pytest.mark.parametrize("version", list(migrations()))
def test_brings_an_older_backup_up_to_date(store: Path, tmp_path: Path, version: int) -> None:
    older = older_store(tmp_path / "older.db", version)
    restored = restore(older, store, _kept(store), nothing)
    assert restored.copy.schema_version == max(migrations())
    assert restored.copy.counts["contacts"] == _contacts(store) == 2
    with closing(Database(store)) as db:
        handlers.upsert_contact(db, Draft(PHONE, first_name="Asha"))
    assert store_faults(store) == []


def test_does_not_change_the_backup(store: Path, tmp_path: Path, backup: Path) -> None:
    before, names = backup.read_bytes(), set(tmp_path.iterdir())
    restore(backup, store, _kept(store), nothing)
    assert backup.read_bytes() == before
    assert set(tmp_path.iterdir()) == names


def _refused(file: Path, store: Path, match: str) -> None:
    before, files = store.read_bytes(), _files(store)
    with pytest.raises(StartError, match=match):
        restore(file, store, _kept(store), nothing)
    assert store.read_bytes() == before
    assert _files(store) == files


def test_refuses_an_incomplete_backup(store: Path, backup: Path, tmp_path: Path) -> None:
    change(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    garbage, empty, short = (tmp_path / name for name in ("garbage", "empty", "short"))
    garbage.write_bytes(os.urandom(20_000))
    empty.touch()
    short.write_bytes(backup.read_bytes()[:100_000])
    _refused(tmp_path / "nowhere", store, "there is no ")
    _refused(tmp_path, store, "is not a file")
    _refused(garbage, store, "damaged, or no SQLite database")
    _refused(empty, store, "not a store of this service")
    _refused(other_program(tmp_path / "other.db"), store, "not a store of this service")
    _refused(short, store, "damaged")
    newer = tmp_path / "newer.db"
    shutil.copy(backup, newer)
    change(newer, "PRAGMA user_version = 999")
    _refused(newer, store, "schema version 999.*install contacts-service .* or newer")
    damage(backup)
    _refused(backup, store, "damaged")


def test_refuses_a_store_that_is_in_use(store: Path, backup: Path) -> None:
    with closing(InUseLock(store)):
        _refused(backup, store, "is in use: stop the server")
    with closing(sqlite3.connect(store)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM contacts").fetchall()
        with pytest.raises(StartError, match=r"another program has .* open"):
            restore(backup, store, _kept(store), nothing)
    assert _contacts(store) == SOME + 1


def test_a_store_cannot_be_opened_during_a_restore(store: Path, backup: Path) -> None:
    refused: list[str] = []

    def try_to_use_the_store(what: str, part: float | None) -> None:
        for attempt in (lambda: Database(store).connection(), lambda: migrate(store)):
            with pytest.raises((ServiceError, StartError), match="being restored"):
                attempt()
        with pytest.raises(StartError, match="in use"):
            restore(backup, store, _kept(store), nothing)
        refused.append(what)

    restore(backup, store, _kept(store), try_to_use_the_store)
    assert refused
    assert _contacts(store) == SOME


def test_keeps_a_damaged_store_as_it_is(store: Path, backup: Path) -> None:
    store.write_bytes(b"garbage" * 5_000)
    restore(backup, store, _kept(store), nothing)
    assert _kept(store).read_bytes() == b"garbage" * 5_000
    assert _contacts(store) == SOME


def test_refuses_the_database_of_another_program(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store = other_program(tmp_path / "data" / "contacts.db")
    change(store, "PRAGMA application_id = 5")
    before = store.read_bytes()
    with pytest.raises(StartError, match="another program"):
        restore(backup, store, _kept(store), nothing)
    assert store.read_bytes() == before


def test_never_overwrites_a_store_that_an_earlier_restore_kept(store: Path, backup: Path) -> None:
    _kept(store).write_text("precious")
    with pytest.raises(StartError, match="exists: move it away"):
        restore(backup, store, _kept(store), nothing)
    assert _kept(store).read_text() == "precious"
    assert _contacts(store) == SOME + 1


def test_replaces_a_link_and_keeps_its_target(store: Path, backup: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.db"
    store.rename(real)
    store.symlink_to(real)
    restore(backup, store, _kept(store), nothing)
    assert not store.is_symlink()
    assert _contacts(store) == SOME
    assert _contacts(_kept(store)) == _contacts(real) == SOME + 1


def test_followers_of_the_old_store_get_410(store: Path, backup: Path) -> None:
    """Event numbers that the old store used after the backup are never used again."""
    with closing(Database(store)) as db:
        seen = last_change(db.connection())
    restore(backup, store, _kept(store), nothing)
    with closing(Database(store)) as db:
        for number in range(5):
            handlers.upsert_contact(db, Draft(f"91885687919{number}"))
        with pytest.raises(Gone), db.snapshot() as snapshot:
            read_changes(snapshot, seen, 100, None)
        with db.snapshot() as snapshot:
            events, _ = read_changes(snapshot, None, 100, None)
        assert len(events) == 5
        assert events[0].seq > seen


def test_followers_continue_if_nothing_happened_since_the_backup(
    store: Path, tmp_path: Path
) -> None:
    back_up(store, tmp_path / "same.db", nothing)
    restore(tmp_path / "same.db", store, _kept(store), nothing)
    with closing(Database(store)) as db, db.snapshot() as snapshot:
        assert read_changes(snapshot, last_change(snapshot), 100, None)[0] == []


@pytest.mark.parametrize("step", range(1, 12))
def test_a_kill_at_any_point_leaves_one_complete_store(
    store: Path, backup: Path, step: int
) -> None:
    script = [sys.executable, "-c", KILLED, backup, store, _kept(store), str(step)]
    done = subprocess.run(script, check=False, timeout=60, capture_output=True)
    assert done.returncode in (0, 9), done.stderr
    assert _contacts(store) in (SOME, SOME + 1)
    assert store_faults(store) == []
    assert _contacts(store) == SOME + 1 or _contacts(_kept(store)) == SOME + 1
    again = store.with_name("kept-again.db")
    restore(backup, store, again, nothing)
    assert _contacts(store) == SOME
    assert not store.with_name("restoring").exists()
    assert step > 3 or done.returncode == 9


def test_an_interrupt_during_the_copy_changes_nothing(store: Path, backup: Path) -> None:
    def interrupt(what: str, part: float | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(backup, store, _kept(store), interrupt)
    assert _contacts(store) == SOME + 1
    assert not _kept(store).exists()
    assert not store.with_name("restoring").exists()


def test_reports_a_full_disk(store: Path, backup: Path) -> None:
    resource = pytest.importorskip("resource")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(StartError, match="cannot use the new store"):
            restore(backup, store, _kept(store), nothing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert _contacts(store) == SOME + 1
    assert not store.with_name("restoring").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_root_gives_the_store_to_the_owner_of_the_folder(store: Path, backup: Path) -> None:
    for path in (store.parent, *store.parent.iterdir()):
        os.chown(path, 12_345, 12_345)
    restore(backup, store, _kept(store), nothing)
    assert {path.stat().st_uid for path in store.parent.iterdir()} == {12_345}
