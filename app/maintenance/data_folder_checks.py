"""Checks the folder of a store: file system, free space, log, permissions, leftover files."""

import os
import shlex
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.database.sqlite.filesystem import network_filesystem
from app.maintenance.doctor import Finding

MIN_FREE_BYTES = 64 * 1024 * 1024  # A log of this size is not unusual.
LARGE_LOG_BYTES = 256 * 1024 * 1024


def check_file_system(folder: Path) -> Finding:
    network = network_filesystem(folder)
    if network:
        text = f"{folder} is on a network file system ({network}), where SQLite loses data"
        return Finding("file system", "problem", text, "move it to a local one")
    return Finding("file system", "ok", "local")


def check_free_space(store: Path) -> Finding:
    free = shutil.disk_usage(store.parent).free
    text = f"{free / 1e6:,.0f} MB free"
    if free < MIN_FREE_BYTES:
        return Finding("free space", "problem", text, "free some space: writes fail without it")
    if free < MIN_FREE_BYTES + store.stat().st_size:
        advice = "free some space: a backup, a restore or an upgrade may need as much as the store"
        return Finding("free space", "warning", text, advice)
    return Finding("free space", "ok", text)


def check_log(store: Path) -> Finding:
    log = store.with_name(f"{store.name}-wal")
    size = log.stat().st_size if log.exists() else 0
    text = f"{size / 1e6:,.1f} MB"
    if size > LARGE_LOG_BYTES:
        advice = "find the program that keeps the store open, and stop it"
        return Finding("write-ahead log", "warning", text, advice)
    return Finding("write-ahead log", "ok", text)


def check_permissions(folder: Path) -> Finding:
    """Check who may read the folder and its files, which hold personal data."""
    statuses = dict(_statuses([folder, *folder.rglob("*")]))
    if folder not in statuses:  # A store in PostgreSQL needs none before a server starts.
        return Finding("permissions", "ok", f"{folder} does not exist yet")
    open_files = [
        path
        for path, status in statuses.items()
        if status.st_mode & 0o077 and stat.S_ISREG(status.st_mode) and status.st_size
    ]
    if open_files:
        text = f"others may read {_names(open_files)}"
        advice = f"chmod 600 {shlex.join(map(str, open_files))}"
        return Finding("permissions", "problem", text, advice)
    barred = [path for path in statuses if not os.access(path, os.R_OK | os.W_OK)]
    if barred:
        text = f"cannot write {_names(barred)}"
        return Finding("permissions", "problem", text, "run as their owner, or chown them")
    others = [path for path, status in statuses.items() if status.st_uid != os.geteuid()]
    if others:
        text = f"{_names(others)} belong to another user"
        advice = "run commands as the user of the server, and chown what root created"
        return Finding("permissions", "warning", text, advice)
    if statuses[folder].st_mode & 0o077:
        text = f"others may list {folder}, but not read its files"
        return Finding("permissions", "warning", text, f"chmod 700 {shlex.quote(str(folder))}")
    return Finding("permissions", "ok", "only the owner may read the data")


def check_leftovers(store: Path, first_key: Path) -> Finding:
    """Look for files that can be removed and hold personal data or a key."""
    left = [*_left(store), *([first_key] if first_key.exists() else [])]
    if left:
        advice = "remove them when they are no longer needed"
        return Finding("left over", "warning", _names(left), advice)
    return Finding("left over", "ok", "nothing")


def _left(store: Path) -> Iterator[Path]:
    kept = sorted(store.parent.glob(f"{store.name}.before-restore-*"))
    yield from (path for path in kept if not path.name.endswith(("-wal", "-shm", "-journal")))
    if (store.parent / "restoring").exists():
        yield store.parent / "restoring"


def _statuses(paths: list[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for path in paths:
        with suppress(FileNotFoundError):  # A log may be deleted while this runs.
            yield path, path.stat()


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(path.name for path in paths[:3]) + more
