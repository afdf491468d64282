"""When time alone can next change the result of a filter for one contact.

A relative date such as `-7d` moves on with the clock. Its comparison with a stored date changes
when the two are equal, and again a second or a day later. Each of these instants is a moment:
the contact is tested again then. A test too many does no harm.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from app.contacts.model import Contact
from app.search.dates import is_relative, moment
from app.search.filters import Condition

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_UNCERTAIN = timedelta(days=6)  # Months have up to 3 days more or less than their neighbours.


def next_moment(contact: Contact, relative: Iterable[Condition], now: datetime) -> int | None:
    """Return the first moment after `now`, in Unix seconds, None where there is none."""
    found: list[datetime] = []
    for condition in relative:
        stored = _instant(contact.value(condition.field))
        if stored is None:
            continue
        values = condition.value if condition.op == "in" else (condition.value,)
        for value in filter(is_relative, values):
            for later in (timedelta(0), _SECOND, _DAY, _DAY + _SECOND):
                found += _reached(value, stored, later)
    return min((int(each.timestamp()) for each in found if each > now), default=None)


def _instant(value: object) -> datetime | None:
    """Return the whole second of a stored date, None for what is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found and (found if found.tzinfo else found.replace(tzinfo=UTC)).replace(microsecond=0)


def _reached(value: str, stored: datetime, later: timedelta) -> list[datetime]:
    """Return when a relative date reaches an instant, to the second; nothing out of all times."""
    try:
        target = stored + later
        about = target - (moment(value, target) - target)
        low, high = about - _UNCERTAIN, about + _UNCERTAIN
        while high - low > _SECOND:
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (low, middle) if moment(value, middle) >= target else (middle, high)
    except (OverflowError, ValueError):
        return []
    return [high]
