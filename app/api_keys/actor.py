"""The API key on whose behalf this thread works: the journal records it with every change."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_acting_key: ContextVar[str | None] = ContextVar("acting_key", default=None)


def acting_key() -> str | None:
    """Return the id of the key whose request this thread handles, None for a command.

    Read it before a write is queued: another thread may run the write.
    """
    return _acting_key.get()


@contextmanager
def acting_for(key_id: str) -> Iterator[None]:
    token = _acting_key.set(key_id)
    try:
        yield
    finally:
        _acting_key.reset(token)
