"""The API key on whose behalf this thread works: the journal records it with every change."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_acting_key: ContextVar[str | None] = ContextVar("acting_key", default=None)


def acting_key() -> str | None:
    """Return the id of the key whose request this thread handles, None for a command.

    Read it before a write is queued: another thread may run the write.
    """
    return _acting_key.get()


def call_for(key_id: str, function: Callable[..., T], /, *args: object, **kwargs: object) -> T:
    """Call a function whose changes are those of a key."""
    token = _acting_key.set(key_id)
    try:
        return function(*args, **kwargs)
    finally:
        _acting_key.reset(token)
