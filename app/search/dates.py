"""Relative dates of filters: `now`, `today`, `-7d`, `+12h`, `-3mo`, by the clock, in UTC."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

UNITS = ("min", "h", "d", "w", "mo", "y")
PATTERN = rf"now|today|[+ -][0-9]{{1,5}}(?:{'|'.join(UNITS)})"
_RELATIVE = re.compile(PATTERN)
_STEPS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def is_relative(value: object) -> bool:
    """Return whether a value is a relative date. A space is a + that a client did not encode."""
    return isinstance(value, str) and bool(_RELATIVE.fullmatch(value))


def moment(text: str, now: datetime) -> datetime:
    """Return the instant of a relative date, as `is_relative` accepts it, in whole seconds.

    A month that is too short ends earlier: a month before 31 March is 28 February. What lies
    outside of the years 1 to 9999 is the first or the last instant.
    """
    now = now.replace(microsecond=0)
    if text == "now":
        return now
    if text == "today":
        return now.replace(hour=0, minute=0, second=0)
    unit = text[1:].lstrip("0123456789")
    count = int(text[1 : -len(unit)]) * (-1 if text[0] == "-" else 1)
    try:
        if unit in _STEPS:
            return now + timedelta(**{_STEPS[unit]: count})
        return _months_later(now, count * (12 if unit == "y" else 1))
    except (OverflowError, ValueError):
        edge = datetime.min if count < 0 else datetime.max.replace(microsecond=0)
        return edge.replace(tzinfo=UTC)


def _months_later(start: datetime, count: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + count, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
