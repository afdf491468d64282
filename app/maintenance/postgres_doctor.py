"""Examines a store in PostgreSQL: schema, counts, index rows, clock, and the server's settings."""

from collections.abc import Iterator

from app.database.interface import Row
from app.database.postgres.connection import Connection


class Stream:
    """Reads from a snapshot of a store without holding all rows of a table in memory."""

    def __init__(self, snapshot: Connection) -> None:
        self._snapshot = snapshot

    def execute(self, sql: str, /) -> Iterator[Row]:
        return self._snapshot.stream(sql)
