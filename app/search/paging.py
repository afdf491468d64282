"""Which page of which contacts: filter, order, and cursors that tell where it begins."""

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass

from marshmallow import ValidationError

from app.search.filters import Filter

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
SORTS = ("created_at", "updated_at", "last_name", "first_name", "email", "phone")
_CHECK_BYTES = 9
_IDS = range(2**63)
_LONG, _LONGEST = 1_000, 50_000  # Bytes: more are compressed, even more cannot be ours.


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
    payload = _encode([position.key, position.id]).encode()
    if len(payload) > _LONG:
        payload = zlib.compress(payload)  # A folded name has up to 4,590 characters.
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
    try:
        return _position(payload)
    except (ValueError, RecursionError, zlib.error):
        raise _strange_cursor() from None


def _position(payload: bytes) -> Position:
    """Raises `ValueError`, `RecursionError`, `zlib.error` for what somebody else made up."""
    if not payload.startswith(b"["):
        payload = zlib.decompressobj().decompress(payload, _LONGEST)
    match json.loads(payload):
        case [str(key), int(id)] if id in _IDS:
            key.encode()  # Lone surrogates cannot be asked for.
            return Position(key, id)
        case [int() | None as key, int(id)] if id in _IDS and (key or 0) in _IDS:
            return Position(key, id)
    raise ValueError


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check(payload: bytes, query: object) -> bytes:
    # No secret: it tells accidents apart, and a cursor opens nothing that the query does not.
    return hashlib.sha256(repr(query).encode() + b"\0" + payload).digest()[:_CHECK_BYTES]


def _strange_cursor() -> ValidationError:
    return ValidationError(
        "Not a cursor of this filter and sort: begin again with an empty cursor."
    )
