"""Shows on a terminal how far long work has come; shows nothing in a pipe."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

SECONDS_BETWEEN = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """One line on standard error, rewritten as the work goes on."""

    def __init__(self, *, quiet: bool) -> None:
        self._is_shown = sys.stderr.isatty() and not quiet
        self._what = ""
        self._since = self._next = 0.0

    def __call__(self, what: str, part: float | None = None) -> None:
        """Show what runs, and which part of it is done: 0.0 to 1.0, None where unknown."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._since, self._next = what, now, now
        if self._is_shown and now >= self._next:
            self._next = now + SECONDS_BETWEEN
            text = f"{what}: {now - self._since:.0f} s" if part is None else f"{what}: {part:.0%}"
            click.echo(f"{_CLEAR}{text}", nl=False, err=True)

    def clear(self) -> None:
        if self._is_shown:
            click.echo(_CLEAR, nl=False, err=True)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show progress while the context lasts."""
    shown = Progress(quiet=quiet)
    try:
        yield shown
    finally:
        shown.clear()
