"""The service's one source of wall-clock time."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def timestamp(instant: datetime | None = None) -> str:
    """Render an instant (default: now) in the documented form, `2026-06-02T08:00:00Z`."""
    return (instant or now()).isoformat()[:19] + "Z"
