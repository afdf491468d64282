"""Runs one import of a command: its progress, rejected rows, signals and summary."""

import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from app.cli import import_preview
from app.cli.input import Input
from app.cli.output import NewFile
from app.cli.progress import Progress
from app.database import Database
from app.errors import ServiceError
from app.plurals import plural
from app.transfer.importer import Importer
from app.transfer.intake import Intake
from app.transfer.report import Report
from app.transfer.rows import Row

_SHOWN_ERRORS = 10
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Run:
    """One import, which ends the command. `preview` is what was shown before, if anything."""

    def __init__(
        self,
        input_: Input,
        intake: Intake,
        rejected: Path | None,
        shown: Progress,
        preview: Mapping[str, Any] | None,
        *,
        as_json: bool,
    ) -> None:
        self._intake = intake
        self._writer = intake.opened.rejected
        self._rejected = rejected or input_.beside("rejected", self._writer.ending)
        self._shown = shown
        self._preview = preview
        self._as_json = as_json
        self._input = input_
        self._started = time.monotonic()
        self._stopped = 0
        self._rows: NewFile | None = None
        self._kept: Path | None = None

    def run(self, db: Database) -> None:
        importer = self._intake.importer(
            db,
            dry_run=False,
            on_rejected=self._reject,
            after_batch=lambda _: self._go_on(importer),
        )
        failure: ServiceError | OSError | None = None
        with ExitStack() as stack:
            stack.callback(importer.close)
            if self._rejected:
                self._rows = stack.enter_context(NewFile(self._rejected))
                self._rows.write(self._writer.head)
            try:
                with self._stoppable(importer):
                    self._intake.run(db, importer)
            except (ServiceError, OSError) as error:
                failure = error
            self._shown.clear()
            unkept = self._keep(importer.report)
            failure = failure or unkept
        self._print_result(importer.report, complete=not (failure or self._stopped))
        if failure:
            raise failure
        if self._stopped:
            sys.exit(128 + self._stopped)
        sys.exit(1 if importer.report.rejected else 0)

    def _keep(self, report: Report) -> OSError | None:
        """Keep the file of rejected rows, if there are any; return the error that prevents it."""
        try:
            if self._rows and report.rejected:
                self._rows.write(self._writer.end())
                self._rows.keep()
                self._kept = self._rejected
        except OSError as error:
            return error
        return None

    @contextmanager
    def _stoppable(self, importer: Importer) -> Iterator[None]:
        """Let signals end the import between batches."""

        def stop(number: int, _: object) -> None:
            self._stopped = number
            if not importer.is_storing:
                raise _Stopped

        before = {each: signal.signal(each, stop) for each in _STOPPING}
        try:
            yield
        except _Stopped:
            pass
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _go_on(self, importer: Importer) -> None:
        self._shown(self._progress(importer.report))
        if self._stopped:
            raise _Stopped

    def _progress(self, report: Report) -> str:
        """Return the progress as text: rows, rate, time left."""
        seconds = time.monotonic() - self._started
        rate = report.rows / max(seconds, 0.001)
        text = f"{plural(report.rows, 'row')}, {rate:,.0f}/s, {report.rejected:,} rejected"
        read, size = self._input.file.tell(), self._input.size
        if size > read > 0:
            left = int(seconds * (size - read) / read)
            text += f", {left // 60}:{left % 60:02} left"
        return text

    def _reject(self, row: Row, reason: str) -> None:
        if self._rows:
            self._rows.write(self._writer.row(row, reason))

    def _print_result(self, report: Report, *, complete: bool) -> None:
        kept = str(self._kept) if self._kept else None
        if self._as_json:
            result = {"preview": self._preview, "rejected_file": kept, "complete": complete}
            click.echo(json.dumps({**report.as_dict(), **result}))
            return
        for each in report.errors[:_SHOWN_ERRORS]:
            click.echo(import_preview.place(each))
        for each in () if self._preview else report.warnings[:_SHOWN_ERRORS]:
            click.echo(f"Warning: {import_preview.place(each)}")
        click.echo(summary(report, complete=complete))
        if kept:
            click.echo(f"Rejected rows are in {kept}: correct them and import that file.")
        elif report.rejected and not self._rejected:
            click.echo("To write the rejected rows to a file, use --rejected FILE")


class _Stopped(BaseException):
    """A signal stopped the import."""


def summary(report: Report, *, complete: bool) -> str:
    verb = "Would import" if report.dry_run else "Imported"
    text = (
        f"{verb} {plural(report.rows, 'row')}: {report.created:,} created, "
        f"{report.updated:,} updated, {report.unchanged:,} unchanged, {report.rejected:,} rejected"
    )
    if report.repeated:
        verb = "repeats" if report.repeated == 1 else "repeat"
        text += f"\n{plural(report.repeated, 'row')} {verb} a phone number: the last row wins"
    if not complete:
        text += f"\nStopped: all up to line {report.last_line:,} is done; run it again for the rest"
    return text
