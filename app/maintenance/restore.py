"""Replaces a store with a verified backup, and keeps the old store."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.database.sqlite.files import Driver, Progress, copy, fold_log, opened, pragma, sync
from app.database.sqlite.migrate import APPLICATION_ID, migrate, migrations, program_of
from app.errors import StartError
from app.maintenance.backup import Copy, count, verified
from app.maintenance.exclusive import exclusive

_TEMPORARY = "restoring"
_LAST_CHANGE = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'"


@dataclass(frozen=True)
class Restored:
    """The content of the new store, and the path of the old one; None if there was none."""

    copy: Copy
    kept: Path | None


def restore(file: Path, store: Path, kept: Path, progress: Progress) -> Restored:
    """Replace a store that nobody has open with a backup, migrated to this schema version.

    The old store is kept as `kept`. Raises `StartError`, and leaves the store as it is, if the
    backup is not intact, its schema is newer than this program, or somebody has the store open.
    """
    try:
        with exclusive(store, "contacts restore"):
            with _temporary_folder(store) as new:
                expected = _build(file, new, progress)
                if store.exists():
                    _continue_change_numbers(store, new)
                _finish(new, store.parent)
                old = _set_aside(store, kept)
                new.rename(store)
                sync(store.parent)
            return Restored(_check_counts(store, expected), old)
    except OSError as error:
        raise StartError(f"cannot restore {store}: {error.strerror}") from None


@contextmanager
def _temporary_folder(store: Path) -> Iterator[Path]:
    """Create a folder for the new store, beside the old one; a killed restore leaves it behind."""
    folder = store.parent / _TEMPORARY
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder / store.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(file: Path, new: Path, progress: Progress) -> Copy:
    """Build the new store from a backup; return the content of the backup."""
    if not file.is_file():
        raise StartError(f"{file} is not a file" if file.exists() else f"there is no {file}")
    with opened(file, "ro") as driver:
        _check(driver, file)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy(file, "ro", new, progress, called="the new store")
    expected = verified(new, progress, called=str(file))
    migrate(new)
    return expected


def _check(driver: Driver, file: Path) -> None:
    if pragma(driver, "application_id") != APPLICATION_ID:
        raise StartError(f"{file} is not a store of this service")
    version, known = pragma(driver, "user_version"), max(migrations())
    if version > known:
        raise StartError(
            f"{file} has schema version {version}, this program knows {known}: "
            f"install {program_of(driver)}"
        )


def _set_aside(store: Path, kept: Path) -> Path | None:
    """Give the old store its second name, with everything that is in its log."""
    if not store.exists():
        for log in _logs(store):
            log.unlink(missing_ok=True)  # SQLite would take it for the log of the new store.
        return None
    fold_log(store, (0, APPLICATION_ID))
    for old, new in zip((store, *_logs(store)), (kept, *_logs(kept)), strict=True):
        if old.exists():
            _link(old, new)
    sync(store.parent)
    for log in _logs(store):
        log.unlink(missing_ok=True)
    return kept


def _continue_change_numbers(old: Path, new: Path) -> None:
    """Give no change number of the old store again: clients that follow its feed must restart."""
    try:
        with opened(old, "rw") as driver:
            [(last,)] = driver.execute(_LAST_CHANGE).fetchall()
    except StartError:
        return  # Damaged, or older than the journal.
    with opened(new, "rw") as driver:
        [(own,)] = driver.execute(_LAST_CHANGE).fetchall()
        if last <= own:
            return
        driver.execute("BEGIN")
        driver.execute("DELETE FROM sqlite_sequence WHERE name = 'changes'")
        driver.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', :seq)", {"seq": last + 1}
        )
        driver.execute(
            "UPDATE counters SET value = :seq WHERE name = 'changes_removed'", {"seq": last + 1}
        )
        driver.execute("COMMIT")


def _finish(new: Path, folder: Path) -> None:
    """Sync the new store to disk, as one file that the user of the server owns."""
    if _logs(new)[0].exists():
        raise StartError(f"cannot finish {new}: is the disk full?")
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid:
        for file in (new, *folder.glob("*.in-use")):
            os.chown(file, owner.st_uid, owner.st_gid)
    sync(new)


def _logs(store: Path) -> list[Path]:
    return [store.with_name(store.name + ending) for ending in ("-wal", "-journal", "-shm")]


def _link(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except FileExistsError:
        raise StartError(f"{new} exists: move it away first") from None
    except OSError:  # A file system without hard links.
        shutil.copy2(old, new)
        sync(new)


def _check_counts(store: Path, expected: Copy) -> Copy:
    """Open the store and count its rows. Raises `StartError` if they differ from the backup."""
    with opened(store, "rw") as driver:
        found = Copy(pragma(driver, "user_version"), count(driver))
    for name, rows in expected.counts.items():
        if found.counts[name] != rows:
            raise StartError(f"{store} has {found.counts[name]} {name}, the backup {rows}")
    return found
