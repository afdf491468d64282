"""A search: filter, order and page; and cursors, which encode the position of a page."""

import base64
import hashlib
import json
import zlib
from dataclasses import dataclass

from marshmallow import ValidationError

from app.search.filters import Filter

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
START = "start"  # The cursor of the first page; it is too short to be one of `encode_cursor`.
SORTS = ("created_at", "updated_at", "last_name", "first_name", "email", "phone")
_CHECK_BYTES = 9
_IDS = range(2**63)
_LONG, _LONGEST = 1_000, 50_000  # Bytes: longer keys are compressed; a key has at most 50,000.


@dataclass(frozen=True)
class Sort:
    """Order by a field, nulls last, then by arrival (row id). `field` None is arrival alone."""

    field: str | None = None
    descending: bool = False


@dataclass(frozen=True)
class Position:
    """The position of a contact in a list: its sort key and its row id."""

    key: str | int | None
    id: int


BY_ARRIVAL = Sort()


@dataclass(frozen=True)
class Search:
    """The contacts to list, and the page; `after` is the last position of the page before."""

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
    """Return the cursor of a position in the list of `query`, which must have a stable repr."""
    payload = _encode([position.key, position.id]).encode()
    if len(payload) > _LONG:
        payload = zlib.compress(payload)  # A folded name has up to 4,590 characters.
    return base64.urlsafe_b64encode(_check(payload, query) + payload).decode().rstrip("=")


def decode_cursor(text: str, query: object) -> Position | None:
    """Return the position, None for the start.

    Raises marshmallow's `ValidationError` for a cursor of another query, and for an empty one:
    clients leave out empty parameters, and send the last page's null as one.
    """
    if text == START:
        return None
    if not text:
        raise ValidationError(
            "Must not be empty: send cursor=start for the first page, then next_cursor until it "
            "is null."
        )
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise _invalid_cursor() from None
    check, payload = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if check != _check(payload, query) or _encoded(raw) != text:
        raise _invalid_cursor()
    try:
        return _position(payload)
    except (ValueError, RecursionError, zlib.error):
        raise _invalid_cursor() from None


def _position(payload: bytes) -> Position:
    """Raises `ValueError`, `RecursionError` or `zlib.error` for an invented payload."""
    if not payload.startswith(b"["):
        payload = zlib.decompressobj().decompress(payload, _LONGEST)
    match json.loads(payload):
        case [str(key), int(id)] if id in _IDS:
            key.encode()  # Raises for lone surrogates, which SQLite cannot bind.
            return Position(key, id)
        case [int() | None as key, int(id)] if id in _IDS and (key or 0) in _IDS:
            return Position(key, id)
    raise ValueError


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check(payload: bytes, query: object) -> bytes:
    # Not a secret: it detects mistakes. A cursor gives access to nothing that the query does not.
    return hashlib.sha256(repr(query).encode() + b"\0" + payload).digest()[:_CHECK_BYTES]


def _invalid_cursor() -> ValidationError:
    return ValidationError(
        f"Not a cursor of this filter and sort: begin again with cursor={START}."
    )
