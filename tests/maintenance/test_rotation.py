"""Backups are named by their time, and the oldest ones of the same store are removed."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.api_keys.handlers import create_api_key
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.maintenance.backup import back_up
from app.maintenance.rotation import named_by_time, prune
from tests.database.sqlite.stores import nothing, other_program


def _store(folder: Path) -> Path:
    folder.mkdir()
    migrate(folder / "contacts.db")
    with closing(Database(folder / "contacts.db")) as db:
        create_api_key(db, label="first", scopes=("admin",))
    return folder / "contacts.db"


def _backups(store: Path, folder: Path, *days: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [named_by_time(folder, datetime(2026, 6, day, 8, tzinfo=UTC)) for day in days]
    for file in files:
        back_up(store, file, nothing)
    return files


def test_names_backups_by_time(tmp_path: Path) -> None:
    instant = datetime(2026, 6, 2, 8, 5, 9, tzinfo=UTC)
    assert named_by_time(tmp_path, instant) == tmp_path / "contacts-20260602T080509Z.db"


def test_keeps_the_newest(tmp_path: Path) -> None:
    files = _backups(_store(tmp_path / "a"), tmp_path / "backups", 1, 2, 3, 4)
    assert prune(files[-1], 2) == [files[1], files[0]]
    assert sorted((tmp_path / "backups").iterdir()) == files[2:]
    assert prune(files[-1], 2) == []


def test_keeps_the_new_backup_even_if_others_have_later_names(tmp_path: Path) -> None:
    files = _backups(_store(tmp_path / "a"), tmp_path / "backups", 1, 28, 29)
    assert prune(files[0], 1) == [files[2], files[1]]
    assert list((tmp_path / "backups").iterdir()) == [files[0]]


def test_removes_nothing_of_another_store_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    own = _backups(_store(tmp_path / "a"), folder, 3, 4)
    others = _backups(_store(tmp_path / "b"), folder, 1, 2)
    kept = [folder / name for name in ("contacts.db", "notes.txt", "contacts-20260101T000000Z.db~")]
    for path in kept:
        path.write_text("precious")
    named = [folder / f"contacts-2020010{number}T000000Z.db" for number in range(1, 5)]
    named[0].write_text("garbage")
    named[1].symlink_to(own[0])
    named[2].mkdir()
    other_program(named[3])
    assert prune(own[-1], 1) == [own[0]]
    assert sorted(folder.iterdir()) == sorted([own[1], *others, *kept, *named])


def test_removes_nothing_if_the_new_backup_has_no_api_key(tmp_path: Path) -> None:
    files = _backups(_store(tmp_path / "a"), tmp_path / "backups", 1, 2, 3)
    with closing(sqlite3.connect(files[-1])) as driver, driver:
        driver.execute("DELETE FROM api_keys")
    assert prune(files[-1], 1) == []
    assert sorted((tmp_path / "backups").iterdir()) == files
