"""Brings a PostgreSQL database to the schema of this version, or refuses it untouched."""

from pathlib import Path

import psycopg

from app.database.interface import Row
from app.database.postgres.driver import SESSION, connect
from app.database.postgres.url import shown
from app.errors import StartError
from app.version import VERSION

OLDEST_SERVER = 14_00_00
_MIGRATIONS = Path(__file__).parent / "migrations"
# What 0006 lacked in databases of schema 6 and 7, and those made from them; 0011 needs it.
_LATE, _NEEDS_LATE = _MIGRATIONS / "late_0006.sql", 11
_LOCK = 0x436E7464  # Of those who migrate: servers that start together do it one after another.


class NewerSchema(StartError):
    """A newer program has changed the schema; `text` says to which, `advice` what to install."""

    def __init__(self, where: str, version: int, known: int, program: str) -> None:
        self.text = f"version {version}, this program knows {known}"
        self.advice = f"install contacts-service {program} or newer"
        super().__init__(f"{where} has schema {self.text}: {self.advice}")


def migrations() -> dict[int, str]:
    """Return the SQL of each schema version, oldest first; the first one makes all tables."""
    return {int(path.name[:4]): path.read_text() for path in sorted(_MIGRATIONS.glob("[0-9]*.sql"))}


def migrate(url: str) -> None:
    """Create the tables or bring them up to date; safe beside others who do the same.

    Raises `StartError`, and leaves the database as it is, if it is newer, another program's, or
    cannot be used.
    """
    shown(url)  # Raises where it cannot be read; the driver's error would quote the password.
    try:
        with connect(url) as driver:
            _check_server(driver, url)
            with driver.transaction():
                driver.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
                _apply(driver, url)
    except psycopg.errors.InsufficientPrivilege as error:
        raise StartError(
            f"{shown(url)} is new or needs a newer schema, which this role may not make: run "
            f"contacts doctor once with the role that owns the tables ({_first_line(error)})"
        ) from None
    except psycopg.Error as error:
        raise StartError(f"cannot use {shown(url)}: {_first_line(error)}") from None


def _version_of(driver: "psycopg.Connection[Row]", url: str) -> int:
    """Return the version of the schema, 0 if there is none."""
    [(table,)] = driver.execute("SELECT to_regclass('schema_version')::text")
    if table is None:
        return 0
    [(may_read,)] = driver.execute("SELECT has_table_privilege('schema_version', 'SELECT')")
    if not may_read:
        raise StartError(
            f"{shown(url)} gives this role no rights on its tables: grant those that "
            "docs/postgresql.md names under Roles"
        )
    [(version,)] = driver.execute("SELECT version FROM schema_version")
    return int(version)


def _check_server(driver: "psycopg.Connection[Row]", url: str) -> None:
    if driver.info.server_version < OLDEST_SERVER:
        raise StartError(f"{shown(url)} is too old: PostgreSQL 14 or newer is needed")
    [(encoding,)] = driver.execute("SHOW server_encoding")
    if encoding != "UTF8":
        raise StartError(
            f"{shown(url)} has the encoding {encoding}: create the database with ENCODING 'UTF8'"
        )
    [(is_standby,)] = driver.execute("SELECT pg_is_in_recovery()")
    if is_standby:
        raise StartError(
            f"{shown(url)} is a standby: name the primary, or several hosts and "
            "target_session_attrs=read-write"
        )


def _apply(driver: "psycopg.Connection[Row]", url: str) -> None:
    version, known = _version_of(driver, url), migrations()
    if version > max(known):
        [(program,)] = driver.execute("SELECT version FROM program")
        raise NewerSchema(shown(url), version, max(known), program)
    if version == max(known):
        return
    if not version:
        [(others,)] = driver.execute("SELECT to_regclass('contacts') IS NOT NULL")
        if others:
            raise StartError(f"{shown(url)} is the database of another program: name another one")
        driver.execute("CREATE TABLE schema_version (version bigint NOT NULL)")
        driver.execute("INSERT INTO schema_version (version) VALUES (0)")
    elif version < _NEEDS_LATE:
        driver.execute(_LATE.read_bytes())
    for number, sql in known.items():
        if number > version:
            driver.execute(sql.encode())
    driver.execute("UPDATE schema_version SET version = %s", [max(known)])
    driver.execute("UPDATE program SET version = %s", [VERSION])
    # For sessions that a pooler lends, which no connection of ours sets up.
    [(name,)] = driver.execute("SELECT quote_ident(current_database())")
    for setting, value in SESSION.items():
        driver.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET {setting} = {value}")


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
