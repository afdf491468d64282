"""Counters by name, exact over all processes that use a store, which survive each of them.

In a folder beside the database the file `names` lists what is counted, one name a line. Each
process has a file of words to itself, one word for each name; once the process has ended, another
process continues its file.
"""

import fcntl
import logging
import os
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.database.shared_words import SharedWords, fill, open_shared, read_words

MOST_NAMES = 4_096
MOST_PROCESSES = 256
PRESENT = "present "  # Names with this prefix start at 0 in each process, such as its waiters.
SECONDS_BETWEEN_TRIES = 1.0
_NAMES_STEP = 2**14  # Bytes written ahead, so that a new name finds room on a full disk.

_log = logging.getLogger(__name__)


class SharedCounters:
    """Never raises: if the folder cannot be used, it logs a warning and counts nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mutex = threading.Lock()
        self._own: _ProcessCounters | None = None
        self._next_try = 0.0

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to counters; every process can read the sums once this returns."""
        with self._mutex:
            try:
                own = self._opened()
                if own:
                    own.add(counts)
            except (OSError, ValueError) as error:
                self._own, self._next_try = None, time.monotonic() + SECONDS_BETWEEN_TRIES
                _log.warning("Metrics are not counted in %s: %s", self._folder, error)

    def read(self) -> dict[str, int]:
        """Return the sums over all processes, also those that have ended."""
        try:
            names = _split((self._folder / "names").read_bytes())
            files = [read_words(path, MOST_NAMES) for path in self._folder.glob("[0-9]*")]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("Metrics cannot be read from %s: %s", self._folder, error)
            return {}
        return {name: sum(words[place] for words in files) for place, name in enumerate(names)}

    def _opened(self) -> "_ProcessCounters | None":
        if self._own is None or self._own.pid != os.getpid():
            if time.monotonic() < self._next_try:
                return None
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._own = _ProcessCounters(self._folder)
        return self._own


class _ProcessCounters:
    """The words of this process, and which word belongs to which name."""

    def __init__(self, folder: Path) -> None:
        self.pid = os.getpid()
        self._names = open_shared(folder / "names")
        weakref.finalize(self, os.close, self._names)
        self._places = self._read_names(folder)
        self._words = _free_words(folder)
        for name, place in self._places.items():
            if name.startswith(PRESENT):
                self._words.values[place] = 0

    def add(self, counts: Mapping[str, int]) -> None:
        self._words.check_size()
        places, words = self._places, self._words.values
        for name, count in counts.items():
            place = places.get(name)
            if place is None:
                place = self._add_name(name)
            total = words[place] + count
            words[place] = total if total > 0 else 0

    def _read_names(self, folder: Path) -> dict[str, int]:
        """Read the names; start over if a crash of the machine has damaged them."""
        with self._locked_names():
            try:
                fill(self._names, _NAMES_STEP)
                return self._current_places()
            except ValueError:
                for path in folder.glob("[0-9]*"):
                    path.unlink(missing_ok=True)
                os.truncate(self._names, 0)
                fill(self._names, _NAMES_STEP)
                return {}

    def _add_name(self, name: str) -> int:
        with self._locked_names():
            self._places = self._current_places()
            if name not in self._places:
                if len(self._places) >= MOST_NAMES:
                    raise ValueError("too many names")
                end = sum(len(each) + 1 for each in self._places)
                line = f"{name}\n".encode("ascii")
                fill(self._names, (end + len(line) + _NAMES_STEP) // _NAMES_STEP * _NAMES_STEP)
                os.pwrite(self._names, line, end)
                self._places[name] = len(self._places)
            return self._places[name]

    @contextmanager
    def _locked_names(self) -> Iterator[None]:
        fcntl.flock(self._names, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._names, fcntl.LOCK_UN)

    def _current_places(self) -> dict[str, int]:
        names = _split(os.pread(self._names, os.fstat(self._names).st_size, 0))
        places = {name: place for place, name in enumerate(names)}
        if len(places) != len(names):
            raise ValueError("a name is listed twice")
        return places


def _free_words(folder: Path) -> SharedWords:
    """Open the first file that no running process has: the kernel has released its lock."""
    for number in range(MOST_PROCESSES):
        try:
            return SharedWords(folder / str(number), MOST_NAMES, keep_lock=True)
        except (BlockingIOError, PermissionError):
            continue  # Of a running process, or of another user who ran a command on this store.
    raise ValueError("too many processes")


def _split(names: bytes) -> list[str]:
    """Return the lines before the zeros. Raises `ValueError` if the file is damaged."""
    text, _, blank = names.partition(b"\0")
    *lines, rest = text.decode("ascii").split("\n")
    if rest or blank.strip(b"\0") or not "".join(lines).isprintable():
        raise ValueError("the names are damaged")
    return lines
