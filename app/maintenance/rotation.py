"""Names backups in a folder by their time, and removes the oldest of one store."""

import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from app.database.interface import Row
from app.database.sqlite.files import opened
from app.errors import StartError

_NAME = re.compile(r"contacts-\d{8}T\d{6}Z\.db")


def named_by_time(folder: Path, now: datetime) -> Path:
    return folder / f"contacts-{now:%Y%m%dT%H%M%SZ}.db"


def prune(newest: Path, keep: int) -> list[Path]:
    """Keep this many backups of a store, in the folder of its newest; return those removed.

    Only files that are named as a backup and come from the same store are counted or removed. The
    newest is never removed, even if a wrong clock gave others a later name.
    """
    store = _store(newest)
    if store is None:
        return []
    found = [path for path in newest.parent.iterdir() if _NAME.fullmatch(path.name)]
    own = [path for path in sorted(found, reverse=True) if _store(path) == store]
    removed = [path for path in own if path != newest][keep - 1 :]
    for path in removed:
        with suppress(FileNotFoundError):
            path.unlink()
    return removed


def _store(file: Path) -> Row | None:
    """Return what identifies a store: its first key, which no store ever deletes."""
    if file.is_symlink() or not file.is_file():
        return None
    try:
        with opened(file, "ro") as driver:
            row: Row | None = driver.execute(
                "SELECT id, created_at FROM api_keys ORDER BY created_at, id LIMIT 1"
            ).fetchone()
            return row
    except StartError:
        return None  # Damaged, or of another program: must not be removed.
