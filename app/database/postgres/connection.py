"""One PostgreSQL connection: its settings, transactions and locks, its errors as ours."""

import logging
import os
from collections.abc import Collection, Iterator, Sequence

import psycopg
from psycopg.pq import TransactionStatus

from app.database.interface import FieldValues, Parameters, Row
from app.database.postgres.dialect import postgres_sql
from app.database.postgres.driver import connect, is_lost, translated
from app.database.postgres.values import SortableText
from app.errors import ServiceError, Unavailable

IDLE_SECONDS = 10  # A transaction of a server that hangs ends after these, and frees its locks.
STREAMED_ROWS = 5_000  # That are in memory at a time.
GATE = 0x436E7463  # The advisory lock that all writers share, and that one who is alone excludes.

_log = logging.getLogger(__name__)
_UNKNOWN_TEXT = "The store was lost while it stored this: read before you send it again."


class Connection:
    """Statements on one PostgreSQL connection; rows come back drained, errors as ours."""

    field_values: FieldValues = SortableText()
    contacts_per_scan = 20_000  # Each test parses JSON anew, and takes five times as long.

    def __init__(self, url: str) -> None:
        self._url = url
        self.pid = os.getpid()
        self.broken = False
        self._driver = self._opened()

    def execute(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        cursor = self._run(postgres_sql(sql), parameters or {})
        return cursor.fetchall() if cursor.description else []

    def execute_planned(self, sql: str, parameters: Parameters) -> list[Row]:
        """Run a statement with its values in its text: other ones are planned without them."""
        text = psycopg.ClientCursor(self._driver).mogrify(postgres_sql(sql), parameters)
        return self._run(text, None, prepare=False).fetchall()

    def change(self, sql: str, parameters: Parameters) -> int:
        """Run a statement that gives no rows; return how many it changed."""
        return self._run(postgres_sql(sql), parameters or {}).rowcount

    def change_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement that gives no rows once for each row of parameters (`?`)."""
        if rows:
            try:
                self._driver.cursor().executemany(postgres_sql(sql), rows)
            except psycopg.Error as error:
                raise self._translated(error) from error

    def insert_many(self, head: str, rows: Sequence[Sequence[object]], tail: str = "") -> None:
        """Run `head VALUES … tail` for all rows, in one statement."""
        if rows:
            types, columns = _arrays(rows)
            self._run(f"{head} SELECT * FROM unnest({types}) {tail}", columns)

    def update_many(
        self, table: str, key: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
    ) -> None:
        """Set columns where `key` is the first value of a row, to the others; in one statement."""
        if rows:
            types, values = _arrays(rows)
            set_ = ", ".join(f"{name} = given.{name}" for name in columns)
            self._run(
                f"UPDATE {table} SET {set_} "
                f"FROM unnest({types}) AS given ({key}, {', '.join(columns)}) "
                f"WHERE {table}.{key} = given.{key}",
                values,
            )

    def new_ids(self, table: str, count: int, last: int) -> Sequence[int]:
        """Take ids from the table's sequence; those of a transaction that fails are never used."""
        rows = self._run(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [table, count],
        )
        return sorted(id for (id,) in rows)

    def lock_contacts(self, phones: Collection[str]) -> set[int]:
        """Lock rows in the order of their ids; statements that follow see them as they are then."""
        found = self._run(
            """
            SELECT id
            FROM contacts
            WHERE id = ANY (ARRAY(
                SELECT coalesce(
                    (SELECT id FROM contacts WHERE phone = asked.phone),
                    (SELECT contact_id FROM aliases WHERE phone = asked.phone)
                )
                FROM unnest(%s::text[]) AS asked (phone)
            ))
            ORDER BY id
            FOR UPDATE
            """,
            [list(phones)],
        )
        return {id for (id,) in found}

    def stream(self, sql: str) -> Iterator[Row]:
        """Yield rows without holding all of them in memory, within a snapshot."""
        with self._driver.cursor(name="stream") as cursor:
            cursor.itersize = STREAMED_ROWS
            try:
                yield from cursor.execute(postgres_sql(sql))
            except psycopg.Error as error:
                raise self._translated(error) from error

    def number_changes(self) -> None:
        """Number the events that are committed and have no number yet."""
        self._run("SELECT number_changes()", None)

    def begin_write(self, seconds: float, *, alone: bool) -> None:
        """Begin a transaction and pass the gate, in one round trip.

        Raises `Busy` where others hold it for as long as `seconds`, which also limits the wait
        for each row. An advisory lock, since `pg_dump` takes a lock on every table.
        """
        shared = "" if alone else "_shared"
        begin = (
            "BEGIN ISOLATION LEVEL READ COMMITTED; "
            f"SET LOCAL lock_timeout = {max(1, int(seconds * 1000))}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}; "
            f"SELECT pg_advisory_xact_lock{shared}({GATE})"
        )
        try:
            self._run(begin, None, prepare=False)
        except BaseException:
            self.rollback()
            raise

    def begin_read(self) -> None:
        self._run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", None, prepare=False)

    def end_write(self, *, commit: bool) -> None:
        """Commit or roll back; counters are updated, and conflicts found, in the commit."""
        try:
            if commit:
                self._driver.execute("COMMIT", prepare=False)
        except psycopg.Error as error:
            found = self._translated(error)
            if self.broken:
                raise Unavailable(_UNKNOWN_TEXT, retry_after=5) from error
            raise found from error
        finally:
            self.rollback()

    def rollback(self) -> None:
        """End the transaction, where an error has not ended it already."""
        try:
            if self._status() not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
                self._driver.execute("ROLLBACK", prepare=False)
        except psycopg.Error as error:
            self.broken = True
            _log.info("A transaction could not be rolled back: %s", type(error).__name__)

    def close(self) -> None:
        self._driver.close()

    def __del__(self) -> None:
        """Close the connection of a thread that has ended."""
        if hasattr(self, "_driver") and self.pid == os.getpid():
            self._driver.close()

    def _run(
        self, sql: str, parameters: Parameters | None, prepare: bool | None = None
    ) -> "psycopg.Cursor[Row]":
        begun = self._status() != TransactionStatus.IDLE
        try:
            return self._driver.execute(sql, parameters, prepare=prepare)
        except psycopg.Error as error:
            found = self._translated(error)
            if begun or not self.broken or self._is_standby(error):
                raise found from error
        # The connection was dead before: the server was restarted, or closed it.
        self._driver.close()
        self._driver = self._opened()
        self.broken = False
        try:
            return self._driver.execute(sql, parameters, prepare=prepare)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def _opened(self) -> "psycopg.Connection[Row]":
        try:
            return connect(self._url)
        except psycopg.Error as error:
            self.broken = True
            raise self._translated(error) from error

    def _status(self) -> TransactionStatus:
        return self._driver.info.transaction_status

    @staticmethod
    def _is_standby(error: psycopg.Error) -> bool:
        return error.sqlstate == "25006"

    def _translated(self, error: psycopg.Error) -> ServiceError:
        found = translated(error)
        self.broken |= is_lost(error)
        return found


def _arrays(rows: Sequence[Sequence[object]]) -> tuple[str, list[str]]:
    """Return the columns of rows, of whole numbers or of texts, as arrays, and placeholders.

    One statement takes any number of rows, and is prepared once. The driver's own lists take
    longer to write (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
    """
    types, columns = [], []
    for column in zip(*rows, strict=True):
        if isinstance(column[0], int):
            types.append("%s::bigint[]")
            items = map(str, column)
        else:
            types.append("%s::text[]")
            items = map(_quoted, column)
        columns.append(f"{{{','.join(items)}}}")
    return ", ".join(types), columns


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
