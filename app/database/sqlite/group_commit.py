"""Lets writers that wait at the same time share one commit, and so the price of one fsync."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Write = Callable[[Any, list[Any]], Sequence[Any]]
"""Writes items in a transaction, which it gets; returns a result for each, in their order."""


class CommitAll(Protocol):
    def __call__(self, writes: Sequence[Callable[[Any], T]], *, waited: float) -> list[T]:
        """Run writes in one transaction; return their results, or raise with nothing stored.

        `waited` is for how many seconds the oldest of them has been waiting.
        """


class GroupCommit:
    """One thread at a time leads: it commits its own item and those that came while it waited."""

    def __init__(self, commit_all: CommitAll) -> None:
        self._commit_all = commit_all
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._led = False

    def run(self, write: Write, item: Any) -> Any:
        """Return the item's result once it is committed, or raise what its write raised.

        Items that wait together and have the same `write` are written by one call of it.
        """
        ticket = _Ticket(write, item)
        with self._mutex:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.called.acquire()
        if not ticket.done:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _lead(self) -> None:
        with self._mutex:
            group, self._waiting = self._waiting, []
        try:
            self._settle(group)
        finally:
            with self._mutex:
                heir = self._waiting[0] if self._waiting else None
                self._led = heir is not None
            for ticket in group:
                ticket.done = True
                ticket.called.release()
            if heir:
                heir.called.release()

    def _settle(self, group: "list[_Ticket]") -> None:
        batches: dict[Write, list[_Ticket]] = {}
        for ticket in group:
            batches.setdefault(ticket.write, []).append(ticket)
        try:
            results = self._commit_all(
                [partial(_write_batch, *batch) for batch in batches.items()],
                waited=time.monotonic() - group[0].since,
            )
        except _WriteFailed as failure:
            if len(group) == 1:
                group[0].error = failure.__cause__
            else:
                # Each on its own, so that the others do not suffer.
                for ticket in group:
                    self._settle([ticket])
        except BaseException as error:
            for ticket in group:
                ticket.error = error
        else:
            for batch, found in zip(batches.values(), results, strict=True):
                for ticket, result in zip(batch, found, strict=True):
                    ticket.result = result


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
        self.called = threading.Lock()
        self.called.acquire()


def _write_batch(write: Write, batch: "list[_Ticket]", transaction: Any) -> Sequence[Any]:
    try:
        return write(transaction, [ticket.item for ticket in batch])
    except Exception as error:
        raise _WriteFailed from error
