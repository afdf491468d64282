"""The service's one source of time. In a stand-in it can be moved; safety timers never ask it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Moved = Callable[[], tuple[int, int]]
"""Tells how far the time of the wall was moved, and that which only passes, in nanoseconds."""

_moved: Moved | None = None


def follow(moved: Moved | None) -> None:
    """Let this process have the time that was moved so far; None is the real time again."""
    global _moved
    _moved = moved


def now() -> datetime:
    real = datetime.now(UTC)
    return real if _moved is None else real + timedelta(microseconds=_moved()[0] // 1_000)


def time_ns() -> int:
    return time.time_ns() + (_moved()[0] if _moved else 0)


def monotonic_ns() -> int:
    """Return what all processes of the machine share, and nobody sets back."""
    return time.monotonic_ns() + (_moved()[1] if _moved else 0)


def timestamp(instant: datetime | None = None) -> str:
    """Render an instant (default: now) in the documented form, `2026-06-02T08:00:00Z`."""
    return (instant or now()).isoformat()[:19] + "Z"
