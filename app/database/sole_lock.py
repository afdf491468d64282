"""Lets one process at a time, of all that use a store, do what must not be done twice."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def sole_lock(path: Path) -> Iterator[bool]:
    """Hold a lock (flock) on a file while the context lasts; gives False where another does.

    The kernel frees it at once when its holder dies. Raises `OSError` where there is no file.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)
