"""Exact counts over all processes that use a store, which outlive each of them.

A folder beside the database: `names` lists what is counted, a line each, and each process has a
file of 64-bit words to itself, one for each name, which another takes over when it has gone.
"""

import errno
import fcntl
import logging
import mmap
import os
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path

MOST_NAMES = 4_096
MOST_PROCESSES = 256
PRESENT = "present "  # Begins a name of what ends with its process, such as those who wait in it.
SECONDS_BETWEEN_TRIES = 1.0
_SIZE = 8 * MOST_NAMES
_NAMES_STEP = 2**14  # Bytes, so that a name finds room on a full disk.

_log = logging.getLogger(__name__)


class SharedCounters:
    """Counts by name. Nothing here raises: without a usable folder nothing is counted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._mine: _Mine | None = None
        self._next_try = 0.0

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to what is counted; in sight of every process once this returns."""
        with self._mutex:
            try:
                mine = self._opened()
                if mine:
                    mine.add(counts)
            except (OSError, ValueError) as error:
                self._mine, self._next_try = None, time.monotonic() + SECONDS_BETWEEN_TRIES
                _log.warning("Metrics are not counted in %s: %s", self._folder, error)

    def read(self) -> dict[str, int]:
        """Return the sums over all processes, those that are gone too."""
        try:
            names = _split((self._folder / "names").read_bytes())
            pages = [_words(path)[: len(names)] for path in self._folder.glob("[0-9]*")]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("Metrics cannot be read from %s: %s", self._folder, error)
            return {}
        return {name: sum(column) for name, *column in zip(names, *pages, strict=True)}

    def _opened(self) -> "_Mine | None":
        if self._mine is None or self._mine.pid != os.getpid():
            if time.monotonic() < self._next_try:
                return None
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._mine = _Mine(self._folder)
        return self._mine


class _Mine:
    """The words of this process, and the places of names in it."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        self._names = _open(folder / "names")
        weakref.finalize(self, os.close, self._names)
        self._places = self._read_names(folder)
        self._file = self._take(folder)
        weakref.finalize(self, os.close, self._file)
        _fill(self._file, _SIZE)
        self._words = memoryview(mmap.mmap(self._file, _SIZE)).cast("Q")
        for name, place in self._places.items():
            if name.startswith(PRESENT):
                self._words[place] = 0

    def add(self, counts: Mapping[str, int]) -> None:
        self._check_size()
        places, words = self._places, self._words
        for name, count in counts.items():
            place = places.get(name)
            if place is None:
                place = self._add_name(name)
            words[place] = max(0, words[place] + count)

    def _take(self, folder: Path) -> int:
        """Take the first file whose process has gone: the kernel has freed its lock (flock)."""
        for number in range(MOST_PROCESSES):
            try:
                file = _open(folder / str(number))
            except PermissionError:
                continue  # Another user's, who ran a command on this store.
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            else:
                return file
        raise ValueError("too many processes")

    def _read_names(self, folder: Path) -> dict[str, int]:
        """Read the names; start over where a crash of the machine left something else."""
        fcntl.flock(self._names, fcntl.LOCK_EX)
        try:
            _fill(self._names, _NAMES_STEP)
            return self._places_now()
        except ValueError:
            for path in folder.glob("[0-9]*"):
                path.unlink(missing_ok=True)
            os.truncate(self._names, 0)
            _fill(self._names, _NAMES_STEP)
            return {}
        finally:
            fcntl.flock(self._names, fcntl.LOCK_UN)

    def _places_now(self) -> dict[str, int]:
        names = _split(os.pread(self._names, os.fstat(self._names).st_size, 0))
        places = {name: place for place, name in enumerate(names)}
        if len(places) != len(names):
            raise ValueError("a name stands twice")
        return places

    def _add_name(self, name: str) -> int:
        fcntl.flock(self._names, fcntl.LOCK_EX)
        try:
            self._places = self._places_now()
            if name not in self._places:
                place = len(self._places)
                if place >= MOST_NAMES:
                    raise ValueError("too many names")
                end = sum(len(each) + 1 for each in self._places)
                line = f"{name}\n".encode("ascii")
                _fill(self._names, (end + len(line) + _NAMES_STEP) // _NAMES_STEP * _NAMES_STEP)
                os.pwrite(self._names, line, end)
                self._places[name] = place
            return self._places[name]
        finally:
            fcntl.flock(self._names, fcntl.LOCK_UN)

    def _check_size(self) -> None:
        """A map of a file that was cut short would kill the process."""
        if os.fstat(self._file).st_size < _SIZE:
            raise ValueError("a file was cut short")


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _fill(file: int, size: int) -> None:
    """Write all of a file: a full disk is an error here, and not a killing signal later."""
    missing = size - os.fstat(file).st_size
    if missing > 0 and os.pwrite(file, bytes(missing), size - missing) < missing:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _split(names: bytes) -> list[str]:
    """Return the lines in a file that zeros fill. Raises `ValueError` where there is more."""
    text, _, blank = names.partition(b"\0")
    *lines, rest = text.decode("ascii").split("\n")
    if rest or blank.strip(b"\0") or not "".join(lines).isprintable():
        raise ValueError("the names are not whole")
    return lines


def _words(path: Path) -> list[int]:
    """Return the words of a process; none where it has only begun."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < _SIZE:
            return [0] * MOST_NAMES
        with (
            mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ) as page,
            memoryview(page) as raw,
            raw.cast("Q") as words,
        ):
            return words.tolist()
