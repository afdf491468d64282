"""Keeps texts by their key for as long as one piece of work takes, on disk and not in memory."""

import json
import sqlite3
from collections.abc import Iterable, Mapping

from app.errors import InsufficientStorage

_SETTINGS = ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE")


class Scratch:
    """A private file of SQLite in the folder for temporary files, gone when it is closed."""

    def __init__(self) -> None:
        # The empty name makes a file that nobody else can open (https://www.sqlite.org/inmemorydb.html).
        self._driver = sqlite3.connect("", isolation_level=None)
        for each in _SETTINGS:
            self._driver.execute(f"PRAGMA {each}").fetchall()
        self._driver.execute(
            "CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID"
        )
        self._driver.execute("BEGIN")

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        return dict(
            self._driver.execute(
                "SELECT key, value FROM kept WHERE key IN (SELECT value FROM json_each(?))",
                (json.dumps(list(keys)),),
            ).fetchall()
        )

    def put(self, values: Mapping[str, str]) -> None:
        """Raises `InsufficientStorage` where the folder for temporary files is full."""
        try:
            self._driver.executemany("REPLACE INTO kept (key, value) VALUES (?, ?)", values.items())
        except sqlite3.OperationalError as error:
            raise InsufficientStorage("There is no room left for temporary files.") from error

    def close(self) -> None:
        self._driver.close()
