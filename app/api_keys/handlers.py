"""Operations on API keys."""

import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache

from app import clock
from app.api_keys import store
from app.api_keys.model import PREFIX, SCOPES, ApiKey, digest
from app.database import Database
from app.errors import InsufficientStorage, NotFound, Unauthorized, Unavailable

BETWEEN_TOUCHES = timedelta(seconds=60)
SECONDS_REMEMBERED = 0.5
_MAX_SECRET = 200
_REFUSED = "Send a valid API key as Authorization: Bearer YOUR_API_KEY."


def create_api_key(
    db: Database,
    *,
    label: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    show: Callable[[str], object] | None = None,
    prefix: str = PREFIX,
) -> str:
    """Store a new key and return its secret, which cannot be shown again.

    `show` gets the secret first: if it raises, no key is stored.
    """
    secret, key = _new_api_key(label, scopes, expires_at, rate_limit, prefix)
    if show:
        show(secret)
    with db.transaction() as tx:
        store.insert_api_key(tx, key, digest(secret))
    return secret


def create_first_api_key(db: Database, show: Callable[[str], object]) -> None:
    """Store a key with all scopes, unless the store has ever had a key.

    `show` gets the secret first: if it raises, no key is stored.
    """
    if store.list_api_keys(db.connection()):
        return
    secret, key = _new_api_key("first admin key", SCOPES)
    with db.transaction() as tx:
        if not store.list_api_keys(tx):
            show(secret)
            store.insert_api_key(tx, key, digest(secret))


def revoke_api_key(db: Database, id: str) -> None:
    """Raises `NotFound`."""
    with db.transaction() as tx:
        if not store.revoke_api_key(tx, id, clock.timestamp()):
            raise NotFound(f"no such key: {id}")


def authenticate(db: Database, secret: str) -> ApiKey:
    """Return the key of a secret. Raises the same `Unauthorized` whatever is wrong with it."""
    if 0 < len(secret) <= _MAX_SECRET:
        key = _find_api_key(db, digest(secret), int(time.monotonic() / SECONDS_REMEMBERED))
        if key is not None and key.is_active():
            return key
    raise Unauthorized(_REFUSED)


@lru_cache(maxsize=256)
def _find_api_key(db: Database, computed: bytes, period: int) -> ApiKey | None:
    """Look a key up once in each period; a revoked key may pass until the period ends."""
    found = store.find_api_key(db.connection(), computed)
    return found[0] if found and hmac.compare_digest(found[1], computed) else None


def is_touch_due(key: ApiKey) -> bool:
    used = key.last_used_at
    return used is None or clock.now() - _instant(used) >= BETWEEN_TOUCHES


def touch_api_key(db: Database, key: ApiKey) -> None:
    """Record the use of a key, at most once a minute; skipped while others write."""
    with suppress(Unavailable, InsufficientStorage), db.transaction(seconds=0) as tx:
        before = clock.timestamp(clock.now() - BETWEEN_TOUCHES)
        store.touch_api_key(tx, key.id, clock.timestamp(), before)
    _find_api_key.cache_clear()


@lru_cache(maxsize=256)
def _instant(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)


def _new_api_key(
    label: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None = None,
    rate_limit: int | None = None,
    prefix: str = PREFIX,
) -> tuple[str, ApiKey]:
    key = ApiKey(
        id=f"key_{secrets.token_hex(8)}",
        label=label,
        scopes=scopes,
        rate_limit=rate_limit,
        created_at=clock.timestamp(),
        expires_at=clock.timestamp(expires_at) if expires_at else None,
    )
    return prefix + secrets.token_urlsafe(32), key
