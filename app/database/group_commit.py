"""Group commit: writers that wait at the same time share one transaction and one fsync."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from app.database.interface import Retry
from app.thread_pool import current_waiter

T = TypeVar("T")

Write = Callable[[Any, list[Any]], Sequence[Any]]
"""Writes items in a transaction, which it gets; returns a result for each, in their order."""


class CommitAll(Protocol):
    def __call__(
        self, take: Callable[[], Sequence[Callable[[Any], T]]], *, waited: float
    ) -> list[T]:
        """Run writes in one transaction; return their results, or raise with nothing stored.

        `take` returns the writes. It is called once the transaction has begun, so that those that
        come while it waits for other processes belong to it. `waited` is for how many seconds the
        oldest of them has been waiting.
        """


class GroupCommit:
    """One thread at a time leads: it commits its own item and those that came while it waited.

    In a worker, the requests that have arrived by then run first: those that write come along. It
    `gathers` while they do.
    """

    def __init__(self, commit_all: CommitAll) -> None:
        self._commit_all = commit_all
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._led = False
        self.gathers = False

    def run(self, write: Write, item: Any) -> Any:
        """Return the item's result once it is committed, or raise what its write raised.

        Items that wait together and have the same `write` are written by one call of it.
        """
        ticket = _Ticket(write, item)
        with self._mutex:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.waiter.wait()
        if not ticket.done:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _lead(self, own: "_Ticket") -> None:
        """Commit the tickets that wait, of which the first is this thread's own."""
        self.gathers = True
        own.waiter.yield_slot()
        self.gathers = False
        waiting = len(self._waiting)
        group: list[_Ticket] = []

        def take() -> list[_Ticket]:
            group.extend(self._take())
            return group

        try:
            self._settle(take, own.since)
        except BaseException as error:
            # Those that came while the transaction could not begin have not waited as long.
            group = group or self._take(waiting)
            for ticket in group:
                ticket.error = error
        finally:
            self._hand_over(group, own)

    def _take(self, most: int | None = None) -> "list[_Ticket]":
        with self._mutex:
            taken = self._waiting[:most]
            del self._waiting[: len(taken)]
        return taken

    def _hand_over(self, group: "list[_Ticket]", own: "_Ticket") -> None:
        with self._mutex:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        if heir:
            heir.waiter.wake()
        for ticket in group:
            ticket.done = True
            if ticket is not own:
                ticket.waiter.wake()

    def _settle(self, take: "Callable[[], list[_Ticket]]", since: float) -> None:
        """Commit tickets and note their results; raises what is an error of all of them."""
        batches: dict[Write, list[_Ticket]] = {}

        def writes() -> list[Callable[[Any], Sequence[Any]]]:
            for ticket in take():
                batches.setdefault(ticket.write, []).append(ticket)
            return [partial(_write_batch, *batch) for batch in batches.items()]

        try:
            results = self._commit_all(writes, waited=time.monotonic() - since)
        except _WriteFailed as failure:
            group = [ticket for batch in batches.values() for ticket in batch]
            if len(group) == 1:
                group[0].error = failure.__cause__
            else:
                self._settle_alone(group)
        else:
            for batch, found in zip(batches.values(), results, strict=True):
                for ticket, result in zip(batch, found, strict=True):
                    ticket.result = result

    def _settle_alone(self, group: "list[_Ticket]") -> None:
        """Commit each ticket on its own, so that the others do not suffer from one that fails."""
        for ticket in sorted(group, key=lambda each: each.since):
            alone = [ticket]
            try:
                self._settle(alone.copy, ticket.since)
            except BaseException as error:
                ticket.error = error


class _WriteFailed(Exception):
    """A write raised; its exception is the cause."""


class _Ticket:
    def __init__(self, write: Write, item: Any) -> None:
        self.write = write
        self.item = item
        self.since = time.monotonic()
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.waiter = current_waiter()


def _write_batch(write: Write, batch: "list[_Ticket]", transaction: Any) -> Sequence[Any]:
    try:
        return write(transaction, [ticket.item for ticket in batch])
    except Retry:
        raise  # The whole transaction runs again.
    except Exception as error:
        raise _WriteFailed from error
