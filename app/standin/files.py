"""Small files that all processes of a stand-in share: one at a time reads or writes each."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Open a file, made where it is not there, and keep all others out for as long."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


class Ring:
    """The last so many records; each has a slot of a fixed size, used again in turn."""

    def __init__(self, path: Path, places: int, size: int) -> None:
        self._path = path
        self._places = places
        self._size = size

    def append(self, record: dict[str, Any]) -> None:
        """Keep a record under the next `number`. It must fit: raises `ValueError` otherwise."""
        with held(self._path) as file:
            number = _number(file) + 1
            # Not escaped, which would make six bytes of two; a surrogate comes as it was sent.
            told = json.dumps({"number": number, **record}, ensure_ascii=False)
            text = told.encode(errors="surrogatepass")
            if len(text) >= self._size:
                raise ValueError(f"a record of {len(text)} bytes, where {self._size} are too many")
            os.pwrite(file, text + b"\n", self._place(number))
            os.pwrite(file, str(number).encode(), 0)

    def records(self, most: int | None = None) -> list[dict[str, Any]]:
        """Return the last ones, the newest first."""
        with held(self._path) as file:
            last = _number(file)
            first = max(1, last + 1 - min(self._places, most or self._places))
            return [
                json.loads(os.pread(file, self._size, self._place(number)).partition(b"\n")[0])
                for number in range(last, first - 1, -1)
            ]

    def clear(self) -> None:
        with held(self._path) as file:
            os.truncate(file, 0)

    def _place(self, number: int) -> int:
        return self._size * (1 + (number - 1) % self._places)


def _number(file: int) -> int:
    return int(os.pread(file, 20, 0).rstrip(b"\0") or 0)
