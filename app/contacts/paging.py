"""Which page of which contacts: filter, order, and cursors that tell where it begins."""

import base64
import hashlib
import json
from dataclasses import dataclass

from marshmallow import ValidationError

from app.contacts.filters import Filter

SORTS = ("created_at", "updated_at", "last_name", "first_name", "email", "phone")
_CHECK_BYTES = 9


@dataclass(frozen=True)
class Sort:
    """By one field, nulls last, then by the order in which contacts came; None is that order."""

    field: str | None = None
    descending: bool = False


@dataclass(frozen=True)
class Position:
    """The last contact of a page: what it is sorted by, and its number in the store."""

    key: str | int | None
    id: int


BY_ARRIVAL = Sort()


@dataclass(frozen=True)
class Search:
    """What to list; `after` is where the page before ended."""

    filter: Filter | None = None
    sort: Sort = BY_ARRIVAL
    limit: int = 20
    offset: int = 0
    after: Position | None = None
    include: frozenset[str] = frozenset()


def parse_sort(text: str) -> Sort:
    field = text.removeprefix("-")
    if field not in SORTS:
        raise ValidationError(f"Must be one of {', '.join(SORTS)}; - in front means descending.")
    return Sort(field, field != text)


def encode_cursor(position: Position, query: object) -> str:
    """Return a text for a place in the list of `query`, whose representation must be stable."""
    payload = json.dumps([position.key, position.id], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(payload, query) + payload).decode().rstrip("=")


def decode_cursor(text: str, query: object) -> Position:
    """Raises marshmallow's `ValidationError` for what was not made for this query."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise _strange_cursor() from None
    check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(payload, query) or _encoded(raw) != text:
        raise _strange_cursor()
    return Position(*json.loads(payload))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check(payload: bytes, query: object) -> bytes:
    # No secret: it tells accidents apart, and a cursor opens nothing that the query does not.
    return hashlib.sha256(repr(query).encode() + b"\0" + payload).digest()[:_CHECK_BYTES]


def _strange_cursor() -> ValidationError:
    return ValidationError(
        "Not a cursor of this filter and sort: begin again with an empty cursor."
    )
