"""Opens the store, and names what features may use of it; knows no feature."""

from app.database.interface import Connection, Database, note_erasure
from app.settings import Settings

__all__ = ["Connection", "Database", "note_erasure", "open_store", "prepare_store"]


def open_store(settings: Settings) -> Database:
    """Return the store of the settings, which is opened on first use."""
    from app.database.sqlite.store import Database as SQLite

    return SQLite(settings.database)


def prepare_store(settings: Settings) -> None:
    """Create the store or bring it up to date; safe beside others who do the same.

    Raises `StartError`, and leaves the store as it is, if it is not ours, newer, damaged or cannot
    be written.
    """
    from app.database.sqlite.migrate import migrate

    migrate(settings.database)
