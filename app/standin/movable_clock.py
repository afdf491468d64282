"""The stand-in's clock: moves the clocks of this process, and keeps the offsets in a file.

The file is read when a process starts: after a restart nothing stored lies in the future, and
`contacts keys` agrees with the server on when a key expires.
"""

import struct
import threading
from pathlib import Path

from app import clock

MAX_SECONDS = 50 * 366 * 86_400
_FORMAT = struct.Struct("=2q")  # The offsets of `app.clock`, in nanoseconds.
_SECOND = 10**9


class MovableClock:
    """The clocks of this process, as the file of a data folder says."""

    def __init__(self, data: Path) -> None:
        self._file = data / "stand-in" / "clock"
        self._lock = threading.Lock()
        content = self._file.read_bytes() if self._file.exists() else b""
        if len(content) == _FORMAT.size:
            clock.set_offsets(*_FORMAT.unpack(content))

    def advance(self, seconds: float) -> bool:
        """Move both clocks forward; return False if that is too far. Raises `OSError`."""
        with self._lock:
            wall, elapsed = (each + int(seconds * _SECOND) for each in clock.offsets())
            if wall > MAX_SECONDS * _SECOND or elapsed > 2**62:
                return False
            self._set(wall, elapsed)
            return True

    def reset(self, elapsed_seconds: float) -> None:
        """Set the wall clock to the real time and the monotonic clock forward. Raises `OSError`."""
        with self._lock:
            self._set(0, clock.offsets()[1] + int(elapsed_seconds * _SECOND))

    def _set(self, wall: int, elapsed: int) -> None:
        self._file.parent.mkdir(mode=0o700, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_bytes(_FORMAT.pack(wall, elapsed))
        part.rename(self._file)
        clock.set_offsets(wall, elapsed)
