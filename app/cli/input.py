"""Reads a file, or standard input to its end, and names files beside it."""

import os
import select
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from app.errors import StartError
from app.transfer.readers import spooled

CHUNK = 2**16
LONGEST_WAIT = 0.5  # seconds


class Input:
    """`file` can be read more than once; `size` is in bytes."""

    def __init__(self, path: Path) -> None:
        """Raise `StartError` if the file cannot be read."""
        self._path = None if str(path) == "-" else path
        if self._path is None and not sys.stdin:
            raise StartError("standard input is closed: name a file")
        try:
            self.file = self._path.open("rb") if self._path else _standard_input()
            self.file.seek(0, os.SEEK_END)
            self.size = self.file.tell()
            self.file.seek(0)
            self.file.read(1)  # Raises for a folder.
        except OSError as error:
            raise StartError(f"cannot read {path}: {error.strerror}") from None

    def __enter__(self) -> "Input":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.file.close()

    @property
    def name(self) -> str:
        return self._path.name if self._path else ""

    def beside(self, word: str, ending: str | None = None) -> Path | None:
        """Return an unused path beside the file, with a word before its ending.

        None for standard input, and in a folder that is not writable.
        """
        if self._path is None or not os.access(self._path.parent, os.W_OK):
            return None
        number = 1
        while True:
            more = word if number == 1 else f"{word}-{number}"
            name = f"{self._path.stem}.{more}{ending or self._path.suffix}"
            path = self._path.with_name(name)
            if not path.exists():
                return path
            number += 1

    def is_same(self, path: Path) -> bool:
        """Return whether a path is the file that is read, also through a link."""
        if self._path is None or not path.exists():
            return False
        return os.path.samestat(path.stat(), os.fstat(self.file.fileno()))


def _standard_input() -> BinaryIO:
    file, source = spooled(), sys.stdin.fileno()
    while chunk := _next_chunk(source):
        file.write(chunk)
    return file


def _next_chunk(source: int) -> bytes:
    """Read what is there, nothing at the end.

    Python handles a signal that comes just before a read only after it: none waits for long.
    """
    while not select.select([source], [], [], LONGEST_WAIT)[0]:
        pass
    return os.read(source, CHUNK)
