"""Reads a file or standard input in pieces, and knows how far it has come."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from app.errors import StartError
from app.transfer.readers import ENDINGS

CHUNK = 2**16


class Input:
    def __init__(self, path: Path) -> None:
        """Raise `StartError` if the file cannot be read."""
        self._path = None if str(path) == "-" else path
        if self._path is None and not sys.stdin:
            raise StartError("standard input is closed: name a file")
        try:
            self._stream: BinaryIO = self._path.open("rb") if self._path else sys.stdin.buffer
            self._size = self._path.stat().st_size if self._path else 0
            self._first = self._stream.read(CHUNK)
        except OSError as error:
            raise StartError(f"cannot read {path}: {error.strerror}") from None
        self._read = 0
        self._started = time.monotonic()

    def __enter__(self) -> "Input":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._path:
            self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        chunk = self._first
        while chunk:
            self._read += len(chunk)
            yield chunk
            chunk = self._stream.read(CHUNK)

    def format(self) -> str:
        """Return the format by the ending of the name, else by the first character."""
        by_name = ENDINGS.get(self._path.suffix.lower()) if self._path else None
        text = self._first.removeprefix(b"\xef\xbb\xbf").lstrip()
        return by_name or ("jsonl" if text.startswith(b"{") else "csv")

    def beside(self, word: str) -> Path | None:
        """Return an unused path beside the file, with a word before its ending.

        None for standard input, and in a folder that is not writable.
        """
        if self._path is None or not os.access(self._path.parent, os.W_OK):
            return None
        number = 1
        while True:
            more = word if number == 1 else f"{word}-{number}"
            path = self._path.with_name(f"{self._path.stem}.{more}{self._path.suffix}")
            if not path.exists():
                return path
            number += 1

    def is_same(self, path: Path) -> bool:
        """Return whether a path is the file that is read, also through a link."""
        return path.exists() and os.path.samestat(path.stat(), os.fstat(self._stream.fileno()))

    def progress(self, rows: int, more: str) -> str:
        """Return the progress as text: rows, rate, time left."""
        seconds = time.monotonic() - self._started
        text = f"{rows:,} rows, {rows / max(seconds, 0.001):,.0f}/s, {more}"
        if self._size > self._read > 0:
            left = int(seconds * (self._size - self._read) / self._read)
            text += f", {left // 60}:{left % 60:02} left"
        return text
