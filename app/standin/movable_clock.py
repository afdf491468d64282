"""The stand-in's clock: how far it was moved, shared by all processes in a small file."""

import mmap
import os
from pathlib import Path

from app.standin.files import held

MOST_SECONDS = 50 * 366 * 86_400
_SIZE = 16  # Two words: of the wall, which a reset puts back, and of what only passes.
_SECOND = 10**9


class MovableClock:
    """Restarts find it as it was, so that what is stored never lies in the future."""

    def __init__(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(file).st_size < _SIZE:
                # Written, not made by its size alone: a page without room would kill who uses it.
                os.pwrite(file, bytes(_SIZE), 0)
            self._words = memoryview(mmap.mmap(file, _SIZE)).cast("q")
        finally:
            os.close(file)
        self._lock = path.with_suffix(".lock")

    def moved(self) -> tuple[int, int]:
        """Return how far, in nanoseconds: the wall, and the time that only passes."""
        return self._words[0], self._words[1]

    def advance(self, seconds: float) -> bool:
        """Move both; return whether it was not too far."""
        with held(self._lock):
            wall, passed = self.moved()
            step = int(seconds * _SECOND)
            if wall + step > MOST_SECONDS * _SECOND or passed + step > 2**62:
                return False
            self._words[0], self._words[1] = wall + step, passed + step
            return True

    def put_back(self, seconds: float) -> None:
        """Let the wall show the real time, and so many seconds more have passed."""
        with held(self._lock):
            self._words[0], self._words[1] = 0, self.moved()[1] + int(seconds * _SECOND)
