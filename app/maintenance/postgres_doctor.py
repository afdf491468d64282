"""Examines a store in PostgreSQL: schema, contacts, counts, index rows, clock, server settings."""

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import datetime

from app import clock
from app.database.interface import Row
from app.database.postgres.connection import Connection
from app.database.postgres.driver import SESSION
from app.database.postgres.migrate import NewerSchema, migrate, migrations
from app.database.postgres.store import Database
from app.database.postgres.url import shown
from app.errors import ServiceError
from app.maintenance.doctor import (
    REBUILT,
    Finding,
    State,
    check_contacts,
    check_counters,
    check_search,
    check_segments_of,
    check_values,
    clean_values,
)
from app.maintenance.index_checks import read_contacts, write_index_rows
from app.maintenance.segment_checks import rebuild_segments
from app.settings import Settings

SECONDS_APART = 5
# What durability rests on. `synchronous_commit` is the operator's choice, `off` is none.
REQUIRED = {"fsync": ("on",), "full_page_writes": ("on",), "server_encoding": ("UTF8",)}
COMMITS = ("on", "remote_apply", "remote_write", "local")

_CLEAR = """
    DELETE FROM contact_words;
    DELETE FROM contact_tags;
    DELETE FROM custom_field_values;
    DELETE FROM aliases
    WHERE contact_id NOT IN (SELECT id FROM contacts) OR phone IN (SELECT phone FROM contacts);
    DELETE FROM counts_due;
    UPDATE tags SET contacts = 0;
    UPDATE custom_fields SET strings = 0, numbers = 0, booleans = 0
"""
_UNUSED = """
    SET CONSTRAINTS ALL IMMEDIATE;
    DELETE FROM tags WHERE contacts = 0;
    DELETE FROM custom_fields
    WHERE strings + numbers + booleans = 0 AND coalesce(label, required_type) IS NULL;
    DELETE FROM counts_due;
    UPDATE counters SET value = (SELECT count(*) FROM contacts) WHERE name = 'contacts';
    UPDATE counters SET value = (SELECT count(*) FROM tags) WHERE name = 'tags';
    UPDATE counters SET value = (SELECT count(*) FROM custom_fields) WHERE name = 'custom_fields'
"""

# Of the tables that belong to the owner of the schema; those of its version are only read.
_MISSING_RIGHTS = """
    SELECT relname
    FROM pg_class
    WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'schema_version'::regclass)
        AND relowner = (SELECT relowner FROM pg_class WHERE oid = 'schema_version'::regclass)
        AND CASE
            WHEN relkind = 'S' THEN NOT has_sequence_privilege(oid, 'USAGE')
            WHEN relkind = 'v' OR relname IN ('schema_version', 'program')
                THEN NOT has_table_privilege(oid, 'SELECT')
            WHEN relkind = 'r' THEN NOT (
                has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
                AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')
            )
            ELSE FALSE
        END
    ORDER BY relname
"""


class Stream:
    """Reads from a snapshot of a store without holding all rows of a table in memory."""

    def __init__(self, snapshot: Connection) -> None:
        self._snapshot = snapshot

    def execute(self, sql: str, /) -> Iterator[Row]:
        return self._snapshot.stream(sql)


def examine(settings: Settings, *, fix: bool) -> Iterator[Finding]:
    """Bring a store up to date and check it; `fix` rebuilds index rows and counts, cleans values.

    A rebuild is one transaction, for which the writers of servers wait. Raises `StartError` where
    the store cannot be used.
    """
    url = settings.database_url or ""
    where = shown(url)
    try:
        migrate(url)
    except NewerSchema as error:
        yield Finding("schema", "problem", error.text, error.advice)
        return
    with closing(Database(url, settings.data)) as db:
        try:
            yield Finding("database", "ok", f"{where}, {db.engine}")
            yield _check_schema(db.connection())
            if missing := db.connection().execute(_MISSING_RIGHTS):
                names = ", ".join(name for (name,) in missing)
                text = f"the role may not read and write {names}"
                yield Finding("rights", "problem", text, "see roles in docs/postgresql.md")
                return
            yield from _check_server(db.connection())
            wrong = yield from _check_rows(db)
            if fix and wrong:
                if wrong != ["values"]:
                    with db.transaction() as tx:
                        _rebuild(tx)
                    yield REBUILT
                if "values" in wrong:
                    yield clean_values(db.transaction)
                yield from _check_rows(db)
            yield _check_clock(db.connection())
        except ServiceError as error:
            yield Finding("database", "problem", f"{where}: {error.message}", "see its log")


def _check_schema(db: Connection) -> Finding:
    [(version,)] = db.execute("SELECT version FROM schema_version")
    known = max(migrations())
    state: State = "ok" if version == known else "problem"
    return Finding("schema", state, f"version {version}, this program knows {known}")


def _check_server(db: Connection) -> Iterator[Finding]:
    for name, good in REQUIRED.items() | {("synchronous_commit", COMMITS)}:
        [(value,)] = db.execute(f"SHOW {name}")
        if value not in good:
            advice = f"set it to {good[0]} on the server"
            yield Finding(name, "problem", f"{value}: a crash can lose what was stored", advice)
    names = ", ".join(f"current_setting('{name}')" for name in SESSION)
    [found] = db.execute(f"SELECT {names}")
    if found != tuple(SESSION.values()):
        advice = "see roles and pooling in docs/postgresql.md"
        yield Finding("session", "warning", "a pooler or role leaves out planner settings", advice)
    [(standbys,)] = db.execute(
        "SELECT count(*) FROM pg_stat_replication WHERE sync_state != 'async'"
    )
    kept = f"on {1 + standbys} servers" if standbys else "on one server: add a synchronous standby"
    yield Finding("durability", "ok", f"a response means that a write is stored {kept}")


def _check_rows(db: Database) -> Generator[Finding, None, list[str]]:
    """Yield what is found; return the names of the problems that can be fixed."""
    with db.snapshot() as snapshot:
        reader = Stream(snapshot)
        contacts = check_contacts(reader, "restore a backup with pg_restore")
        yield contacts
        if contacts.state == "problem":
            return []
        found = [
            check_counters(reader),
            check_search(reader, snapshot.field_values),
            check_segments_of(snapshot),
            check_values(reader),
        ]
    yield from found
    return [each.check for each in found if each.state == "problem"]


def _check_clock(db: Connection) -> Finding:
    [(theirs,)] = db.execute("SELECT extract(epoch FROM clock_timestamp())::double precision")
    apart = abs(theirs - datetime.now().timestamp())
    if apart > SECONDS_APART:
        text = f"{apart:.0f} seconds apart from the clock of the database"
        return Finding("clock", "problem", text, "one of the two is wrong: use NTP")
    return Finding("clock", "ok", clock.timestamp())


def _rebuild(tx: Connection) -> None:
    _run_script(tx, _CLEAR)
    for _ in write_index_rows(tx, read_contacts(Stream(tx))):
        pass
    _run_script(tx, _UNUSED)
    rebuild_segments(tx)


def _run_script(tx: Connection, script: str) -> None:
    for statement in script.split(";"):
        tx.execute(statement)
