"""Tells that a store is in use, so that it is replaced only while nobody has it open."""

import fcntl
import os
from contextlib import AbstractContextManager
from pathlib import Path

from app.database.sole_lock import sole_lock
from app.errors import Unavailable


class Presence:
    """A shared lock (flock) on a file beside the database, held until it is closed.

    The kernel frees it when its holder and all processes that were forked from it are gone.
    """

    def __init__(self, path: Path) -> None:
        """Raises `Unavailable` while the store is being replaced, `OSError` without its folder."""
        self._file = os.open(_beside(path), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Unavailable("The store is being restored.", retry_after=5) from None

    def close(self) -> None:
        os.close(self._file)


def absence(path: Path) -> AbstractContextManager[bool]:
    """Keep everybody from opening a store while the context lasts; gives False if it is in use."""
    return sole_lock(_beside(path))


def _beside(path: Path) -> Path:
    return path.with_suffix(".in-use")
