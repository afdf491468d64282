"""Replaces a store by a verified backup, and keeps what was there."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.database.files import Driver, Progress, copy, fold_log, opened, pragma, sync
from app.database.migrate import APPLICATION_ID, migrate, migrations
from app.errors import StartError
from app.maintenance.backup import Copy, count, verified
from app.maintenance.exclusive import exclusive

_WORKSHOP = "restoring"
_LAST_CHANGE = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'"


@dataclass(frozen=True)
class Restored:
    """What is now in the store, and where the store that was there is kept, if there was one."""

    copy: Copy
    kept: Path | None


def restore(file: Path, store: Path, kept: Path, progress: Progress) -> Restored:
    """Put a backup in the place of a store that nobody uses, brought to this schema version.

    The old store is kept as `kept`. Raises `StartError`, and leaves the store as it is, where the
    backup is not a whole one that this program knows, or somebody has the store open.
    """
    try:
        with exclusive(store, "contacts restore"):
            with _workshop(store) as made:
                expected = _made(file, made, progress)
                if store.exists():
                    _outlast(store, made)
                _finish(made, store.parent)
                old = _set_aside(store, kept)
                made.rename(store)
                sync(store.parent)
            return Restored(_proven(store, expected), old)
    except OSError as error:
        raise StartError(f"cannot restore {store}: {error.strerror}") from None


@contextmanager
def _workshop(store: Path) -> Iterator[Path]:
    """Have a folder of its own beside the store for the new one; a killed restore leaves it."""
    folder = store.parent / _WORKSHOP
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder / store.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(file: Path, made: Path, progress: Progress) -> Copy:
    """Make the new store of a backup; return what the backup holds."""
    if not file.is_file():
        raise StartError(f"{file} is not a file" if file.exists() else f"there is no {file}")
    with opened(file, "ro") as driver:
        _check(driver, file)
    os.close(os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy(file, "ro", made, progress, called="the new store")
    expected = verified(made, progress, called=str(file))
    migrate(made)
    return expected


def _check(driver: Driver, file: Path) -> None:
    if pragma(driver, "application_id") != APPLICATION_ID:
        raise StartError(f"{file} is not a store of this service")
    version, known = pragma(driver, "user_version"), max(migrations())
    if version > known:
        raise StartError(
            f"{file} has schema version {version}, this program knows {known}: "
            "install a newer contacts-service"
        )


def _set_aside(store: Path, kept: Path) -> Path | None:
    """Keep the old store under another name too, with all that is in its log."""
    if not store.exists():
        for log in _logs(store):
            log.unlink(missing_ok=True)  # It would be taken for the new store's.
        return None
    fold_log(store, (0, APPLICATION_ID))
    for old, new in zip((store, *_logs(store)), (kept, *_logs(kept)), strict=True):
        if old.exists():
            _link(old, new)
    sync(store.parent)
    for log in _logs(store):
        log.unlink(missing_ok=True)
    return kept


def _outlast(old: Path, made: Path) -> None:
    """Have who follows the old store's journal start over: its numbers are not given again."""
    try:
        with opened(old, "rw") as driver:
            [(last,)] = driver.execute(_LAST_CHANGE).fetchall()
    except StartError:
        return  # Damaged, or from before there was a journal.
    with opened(made, "rw") as driver:
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


def _finish(made: Path, folder: Path) -> None:
    """Have the new store on disk, as one file that the server may open."""
    if _logs(made)[0].exists():
        raise StartError(f"cannot finish {made}: is the disk full?")
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid:
        for file in (made, *folder.glob("*.in-use")):
            os.chown(file, owner.st_uid, owner.st_gid)
    sync(made)


def _logs(store: Path) -> list[Path]:
    return [store.with_name(store.name + ending) for ending in ("-wal", "-journal", "-shm")]


def _link(old: Path, new: Path) -> None:
    try:
        new.hardlink_to(old)
    except FileExistsError:
        raise StartError(f"{new} exists: move it away first") from None
    except OSError:  # A file system without links.
        shutil.copy2(old, new)
        sync(new)


def _proven(store: Path, expected: Copy) -> Copy:
    """Count what is in the store, opened anew. Raises `StartError` where it is not the backup's."""
    with opened(store, "rw") as driver:
        found = Copy(pragma(driver, "user_version"), count(driver))
    for name, rows in expected.counts.items():
        if found.counts[name] != rows:
            raise StartError(f"{store} has {found.counts[name]} {name}, the backup {rows}")
    return found
