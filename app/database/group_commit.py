"""Lets writers that wait at the same time share one commit, and so the price of one fsync."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

Job = Callable[[Any], Any]


class CommitAll(Protocol):
    def __call__(self, jobs: Sequence[Job], *, waited: float) -> list[Any]:
        """Run jobs in one transaction; return their results, or raise with nothing stored.

        `waited` is for how many seconds the oldest of them has been waiting.
        """


class GroupCommit:
    """One thread at a time leads: it commits its own job and those that came meanwhile."""

    def __init__(self, commit_all: CommitAll) -> None:
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
            results = self._commit_all(
                [ticket.run for ticket in group], waited=time.monotonic() - group[0].since
            )
        except _JobFailed as failure:
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
            for ticket, result in zip(group, results, strict=True):
                ticket.result = result


class _JobFailed(Exception):
    """A job raised; its exception is the cause."""


class _Ticket:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.since = time.monotonic()
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.called = threading.Lock()
        self.called.acquire()

    def run(self, argument: Any) -> Any:
        try:
            return self.job(argument)
        except Exception as error:
            raise _JobFailed from error
