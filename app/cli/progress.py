"""Shows on a terminal how far long work has come; nothing in a pipe."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

SECONDS_BETWEEN = 0.2
_CLEAR = "\r\x1b[K"


class Progress:
    """One line on standard error, written anew as the work goes on."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet
        self._what = ""
        self._since = self._next = 0.0

    def __call__(self, what: str, part: float | None = None) -> None:
        """Tell what is being done, and the part of it that is done, where that is known."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._since, self._next = what, now, now
        if self._shown and now >= self._next:
            self._next = now + SECONDS_BETWEEN
            told = f"{what}: {now - self._since:.0f} s" if part is None else f"{what}: {part:.0%}"
            click.echo(f"{_CLEAR}{told}", nl=False, err=True)

    def clear(self) -> None:
        if self._shown:
            click.echo(_CLEAR, nl=False, err=True)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show progress while the context lasts; SIGTERM ends it as Ctrl-C does, tidily."""
    shown = Progress(quiet=quiet)
    terminated = False

    def terminate(*_: object) -> None:
        nonlocal terminated
        terminated = True
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield shown
    except KeyboardInterrupt:
        if terminated:  # In a callback of SQLite's, which tells only that it was interrupted.
            sys.exit(128 + signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        shown.clear()
