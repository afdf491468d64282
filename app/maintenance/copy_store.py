"""Copies a store from SQLite to PostgreSQL or back, with ids, keys, journal and deliveries."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from app.contacts.model import FIELD_TYPES
from app.contacts.store import parse
from app.database.postgres.connection import GATE
from app.database.postgres.driver import Driver as Postgres
from app.database.postgres.driver import DriverError, connect
from app.database.postgres.migrate import migrate as prepare_database
from app.database.postgres.url import shown
from app.database.postgres.values import SortableText
from app.database.sqlite.files import Driver as SQLite
from app.database.sqlite.files import Progress, opened
from app.database.sqlite.migrate import migrate as prepare_file
from app.errors import StartError
from app.maintenance.stored_values import wrong_values

# In this order. Index rows with values differ between the engines, and are made from the contacts.
TABLES = (
    *("contacts", "aliases", "tags", "custom_fields", "contact_words", "contact_tags"),
    *("segments", "segment_members", "segment_moments"),
    *("api_keys", "changes", "webhooks", "deliveries"),
)
_SWEEPS = ("tag_sweeps", "custom_field_sweeps")
_VALUES = "custom_field_values"
_COUNTERS = "counters"
_NUMBERED = {
    **{"contacts": "id", "tags": "id", "custom_fields": "id", "segments": "id"},
    "deliveries": "number",
}
# Rows of 500 at a time: a contact can have a megabyte.
BATCH = 500

Counts = dict[str, int]
"""Copied rows by table."""


class Execute(Protocol):
    def __call__(self, query: Any, /) -> Iterable[Any]: ...


def to_postgres(store: Path, url: str, progress: Progress) -> Counts:
    """Copy a store to a database without contacts; return rows by table.

    The store is up to date, and nobody has it open. All or nothing is copied. Raises `StartError`.
    """
    prepare_database(url)
    try:
        with opened(store, "rw") as source, connect(url) as target, target.transaction():
            target.execute("SELECT pg_advisory_xact_lock(%s)", [GATE])
            _check_sweeps(source.execute)
            _check_values(source)
            [(used,)] = target.execute("SELECT EXISTS (SELECT FROM contacts)")
            if used:
                raise StartError(f"{shown(url)} has contacts: name an empty database")
            return _fill_postgres(source, target, progress)
    except DriverError as error:
        raise StartError(f"cannot copy to {shown(url)}: {str(error).splitlines()[0]}") from None


def _fill_postgres(source: SQLite, target: Postgres, progress: Progress) -> Counts:
    everything = (*TABLES, _VALUES, _COUNTERS)
    for table in everything:
        target.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER".encode())
        target.execute(f"DELETE FROM {table}".encode())
    for table in (*TABLES, _COUNTERS):
        progress(f"copying {table}", None)
        names = _columns(source, table)
        order = "seq" if table == "changes" else "1"
        rows = source.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}")
        _copy_in(target, table, names, rows)
    progress(f"copying {_VALUES}", None)
    _copy_in(
        target,
        _VALUES,
        ["field_id", "type", "value", "contact_id"],
        (
            (field, kind, SortableText().in_index(bool(value) if kind == "boolean" else value), id)
            for field, kind, value, id in source.execute(
                f"SELECT field_id, type, value, contact_id FROM {_VALUES}"
            )
        ),
    )
    last = dict(source.execute("SELECT name, seq FROM sqlite_sequence"))
    target.execute(
        "INSERT INTO counters (name, value) VALUES ('changes', %s) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [last.get("changes", 0)],
    )
    for table, column in _NUMBERED.items():
        target.execute(
            "SELECT setval(pg_get_serial_sequence(%s, %s), %s)",
            [table, column, max(1, last.get(table, 1))],
        )
    for table in everything:
        target.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER".encode())
    return _compared((*TABLES, _VALUES), source.execute, target.execute)


def _copy_in(
    target: Postgres, table: str, names: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with target.cursor().copy(f"COPY {table} ({', '.join(names)}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def to_sqlite(url: str, store: Path, progress: Progress) -> Counts:
    """Copy a database to a store that does not exist yet, while nobody writes; as `to_postgres`."""
    if store.exists():
        raise StartError(f"there is a store in {store.parent}: name another folder")
    prepare_database(url)
    prepare_file(store)
    try:
        with connect(url) as source, opened(store, "rw") as target, source.transaction():
            source.execute("SELECT pg_advisory_xact_lock(%s)", [GATE])
            source.execute("SELECT number_changes()")
            _check_sweeps(source.execute)
            target.execute("BEGIN IMMEDIATE")
            counts = _fill_sqlite(source, target, progress)
            _check_values(target)
            target.execute("COMMIT")
            return counts
    except BaseException as error:
        for each in store.parent.glob(f"{store.name}*"):
            each.unlink()
        if isinstance(error, DriverError):
            text = f"cannot copy {shown(url)}: {str(error).splitlines()[0]}"
            raise StartError(text) from None
        raise


def _fill_sqlite(source: Postgres, target: SQLite, progress: Progress) -> Counts:
    triggers = target.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        target.execute(f"DROP TRIGGER {name}")
    target.execute(f"DELETE FROM {_COUNTERS}")
    for table in (*TABLES, _COUNTERS):
        progress(f"copying {table}", None)
        names = _columns(target, table)
        marks = ", ".join("?" * len(names))
        with source.cursor(name="copied") as rows:
            rows.itersize = BATCH
            rows.execute(f"SELECT {', '.join(names)} FROM {table}".encode())
            target.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
    progress(f"copying {_VALUES}", None)
    target.executemany(
        f"INSERT INTO {_VALUES} (field_id, type, value, contact_id) VALUES (?, ?, ?, ?)",
        _values(target),
    )
    target.execute(f"DELETE FROM {_COUNTERS} WHERE name = 'changes'")
    last = {"changes": "SELECT value FROM counters WHERE name = 'changes'"}
    for table, column in _NUMBERED.items():
        [(sequence,)] = source.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, column])
        last[table] = f"SELECT last_value FROM {sequence}"
    for table, query in last.items():
        [(number,)] = source.execute(query.encode())
        target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        target.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))
    for _, sql in triggers:
        target.execute(sql)
    return _compared((*TABLES, _VALUES), source.execute, target.execute)


def _values(target: SQLite) -> Iterator[tuple[object, ...]]:
    """Yield the index rows of custom fields, made from the contacts."""
    ids = dict(target.execute("SELECT key, id FROM custom_fields"))
    for id, *stored in target.execute(
        "SELECT id, document, custom_fields, updated_at FROM contacts"
    ):
        for key, value in parse(*stored).custom_fields.items():
            yield ids[key], FIELD_TYPES[type(value)], value, id


def _columns(driver: SQLite, table: str) -> list[str]:
    return [name for (name,) in driver.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _check_sweeps(execute: Execute) -> None:
    for table in _SWEEPS:
        [(unfinished,)] = execute(f"SELECT count(*) FROM {table}")
        if unfinished:
            raise StartError(
                "a change of many contacts is unfinished: start the server, which finishes it, "
                "stop it, and copy again"
            )


def _check_values(store: SQLite) -> None:
    if faults := wrong_values(store):
        raise StartError(
            f"invisible characters or blank values in {', '.join(faults)}: "
            "run contacts doctor --fix, and copy again"
        )


def _compared(tables: Iterable[str], one: Execute, other: Execute) -> Counts:
    counts: Counts = {}
    for table in tables:
        query = f"SELECT count(*) FROM {table}"
        [(expected,)], [(found,)] = one(query), other(query)
        if expected != found:
            raise StartError(f"{found:,} of {expected:,} rows of {table} were copied: none is kept")
        counts[table] = found
    return counts
