"""A lease in the database: who does work that one process over all servers does at a time.

Not a lock: that would end with its connection while an attempt goes on, and a pooler lends
connections for a transaction only.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from app.database.interface import Connection, Turn
from app.errors import ServiceError, Unavailable

SECONDS = 15.0  # After which others take over from a process that was killed.
SECONDS_BETWEEN_RENEWALS = 2.0


class Store(Protocol):
    def connection(self) -> Connection: ...


class Lease(Turn):
    """A turn that ends unless it is renewed, counted by the own clock from before the renewal."""

    def __init__(
        self,
        store: Store,
        name: str,
        seconds: float = SECONDS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        # The host and the process are for whoever looks into the table.
        self._names = {
            "name": name,
            "holder": f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(4)}",
            "seconds": seconds,
        }
        self._renewed = 0.0
        self._until = 0.0

    def take(self) -> bool:
        """Take or renew the lease; return False while another process has it."""
        before = self._clock()
        taken = self._store.connection().execute(_TAKE, self._names)
        self._renewed, self._until = before, before + self._seconds if taken else 0.0
        return bool(taken)

    def seconds_left(self) -> float:
        """Return the seconds left, after a renewal if one is due. Raises `ServiceError`."""
        now = self._clock()
        if self._until and now - self._renewed >= SECONDS_BETWEEN_RENEWALS:
            self.take()
        return max(0.0, self._until - self._clock())

    def check(self, tx: Connection) -> None:
        if not tx.execute(_CHECK, self._names):
            self._until = 0.0
            raise Unavailable("Another process has taken over this work.")

    def give_back(self) -> None:
        """Let others take over at once."""
        with suppress(ServiceError):
            self._store.connection().execute(_GIVE_BACK, self._names)


_TAKE = """
    INSERT INTO leases (name, holder, until)
    VALUES (:name, :holder, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder,
        until = excluded.until
    WHERE leases.holder = excluded.holder OR leases.until < clock_timestamp()
    RETURNING name
"""
_CHECK = "SELECT name FROM leases WHERE name = :name AND holder = :holder FOR SHARE"
_GIVE_BACK = "DELETE FROM leases WHERE name = :name AND holder = :holder"
