"""Splits a stream of bytes into lines; lines that were read can be given back."""

from collections import deque
from collections.abc import Iterable, Iterator

MAX_BYTES = 2**20  # Of a row.


class Lines:
    """The lines of a file with their endings; `number` is that of the last line, from 1.

    A line longer than `MAX_BYTES` is cut to `MAX_BYTES + 1`.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.number = 0
        self._split = _split(chunks)
        self._again: deque[bytes] = deque()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._again.popleft() if self._again else next(self._split)
        self.number += 1
        return line

    def give_back(self, lines: Iterable[bytes]) -> None:
        """Give back the last lines, so that they are read again in order."""
        back = list(lines)
        self._again.extendleft(reversed(back))
        self.number -= len(back)


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, newline, others = chunk.partition(b"\n")
        if size <= MAX_BYTES:
            rest.append(first + newline)
        size += len(first)
        if not newline:
            continue
        yield _joined(rest)
        *lines, last = others.split(b"\n")
        for line in lines:
            yield line + b"\n" if len(line) < MAX_BYTES else line[: MAX_BYTES + 1]
        rest, size = [last], len(last)
    if size:
        yield _joined(rest)


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(parts)[: MAX_BYTES + 1]
