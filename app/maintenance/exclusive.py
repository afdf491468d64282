"""Runs a command alone on a store: no server and no other command has it open."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.database.sqlite.locks import absence
from app.errors import StartError


@contextmanager
def exclusive(store: Path, command: str) -> Iterator[None]:
    """Keep all others from opening a store. Raises `StartError` where somebody has it open."""
    with ExitStack() as stack:
        try:
            is_alone = stack.enter_context(absence(store))
        except OSError as error:
            text = f"cannot use the data folder {store.parent}: {error.strerror}"
            raise StartError(text) from None
        if not is_alone:
            raise StartError(
                f"the store in {store.parent} is in use: stop the server and every other contacts "
                f"command, then run {command} again"
            )
        yield
