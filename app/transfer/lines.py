"""Splits a stream of bytes into lines, and can go back to one that was read."""

from collections import deque
from collections.abc import Iterable, Iterator

MAX_BYTES = 2**20  # Of a row: more than the largest contact has.


class Lines:
    """The lines of a file with their endings; `number` is that of the last one given, from 1.

    Of a line longer than `MAX_BYTES` only the beginning comes, one byte longer than that.
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
        """Give the last lines once more."""
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
