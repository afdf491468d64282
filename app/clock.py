"""The service's one source of time, which a stand-in can move; timeouts never use it."""

import time
from datetime import UTC, datetime, timedelta

_offsets = (0, 0)


def set_offsets(wall: int, elapsed: int) -> None:
    """Move this process's clocks ahead of the real ones, each by its offset in nanoseconds."""
    global _offsets
    _offsets = wall, elapsed


def offsets() -> tuple[int, int]:
    """Return how far ahead the clocks are, in nanoseconds: the wall clock, the monotonic clock."""
    return _offsets


def now() -> datetime:
    now, offset = datetime.now(UTC), _offsets[0]
    return now + timedelta(microseconds=offset // 1_000) if offset else now


def time_ns() -> int:
    return time.time_ns() + _offsets[0]


def monotonic_ns() -> int:
    """Return a time that all processes of the machine share and nobody sets back."""
    return time.monotonic_ns() + _offsets[1]


def timestamp(instant: datetime | None = None) -> str:
    """Render an instant (default: now) in the documented form, `2026-06-02T08:00:00Z`."""
    return whole_second((instant or now()).isoformat())


def precise_timestamp() -> str:
    """Render the present instant to the microsecond, `2026-06-02T08:00:00.123456Z`."""
    return now().isoformat(timespec="microseconds")[:26] + "Z"


def whole_second(text: str) -> str:
    """Return a precise timestamp in the documented form, which stays as it is."""
    return text[:19] + "Z"
