"""Lets writers that wait at the same time share one commit, and so the price of one fsync."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

Job = Callable[[Any], Any]


class GroupCommit:
    """One thread at a time leads: it commits its own job and those that came meanwhile.

    `commit_all` runs jobs in one transaction and returns their results, or raises with nothing
    stored.
    """

    def __init__(self, commit_all: Callable[[Sequence[Job]], list[Any]]) -> None:
        self._commit_all = commit_all
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._led = False

    def run(self, job: Job) -> Any:
        """Return the job's result once it is committed, or raise what it raised."""
        ticket = _Ticket(job)
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
        try:
            results = self._commit_all([ticket.job for ticket in group])
        except BaseException as error:
            if len(group) == 1:
                group[0].error = error
            else:
                # One of them is at fault: each on its own, so that the others do not suffer.
                for ticket in group:
                    self._settle([ticket])
        else:
            for ticket, result in zip(group, results, strict=True):
                ticket.result = result


class _Ticket:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.called = threading.Lock()
        self.called.acquire()
