"""Opens the store, and names what features may use of it; knows no feature."""

from app.database.interface import Connection, Database, check_locked, note_erasure
from app.database.url_syntax import check_syntax
from app.errors import StartError
from app.settings import Settings

__all__ = [
    "Connection",
    "Database",
    "check_driver",
    "check_locked",
    "note_erasure",
    "open_store",
    "prepare_store",
]


def open_store(settings: Settings) -> Database:
    """Return the store of the settings, which is opened on first use.

    Raises `StartError` where the URL of a database cannot be read.
    """
    if settings.database_url:
        check_driver(settings.database_url)
        from app.database.postgres.store import Database as Postgres
        from app.database.postgres.url import shown

        shown(settings.database_url)
        return Postgres(settings.database_url, settings.data)
    from app.database.sqlite.store import Database as SQLite

    return SQLite(settings.database)


def prepare_store(settings: Settings) -> None:
    """Create the store or bring it up to date; safe beside others who do the same.

    Raises `StartError`, and leaves the store as it is, if it is not ours, newer, damaged or cannot
    be used.
    """
    if settings.database_url:
        check_driver(settings.database_url)
        from app.database.postgres import migrate

        migrate.migrate(settings.database_url)
    else:
        from app.database.sqlite.migrate import migrate as migrate_file

        migrate_file(settings.database)


def check_driver(url: str) -> None:
    """Raises `StartError` where a URL is malformed, or the driver of PostgreSQL not installed."""
    check_syntax(url)
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise StartError(
            "a PostgreSQL database needs its driver: run pip install 'contacts-service[postgres]'"
        ) from None
