"""`contacts import`: store the contacts of a file, whether the server runs or not."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click
from marshmallow import ValidationError as Refused

from app import settings as settings_module
from app.cli import options
from app.cli.input import Input
from app.cli.output import NewFile
from app.cli.progress import Progress
from app.contacts.phone import REGIONS
from app.contacts.schemas import ContactSchema
from app.database import Database, open_store, prepare_store
from app.errors import ServiceError, StartError
from app.serving.startup import prepare_folder
from app.settings import Settings
from app.transfer.columns import parse_mapping
from app.transfer.importer import Importer
from app.transfer.readers import FORMATS, RowReader, open_reader
from app.transfer.report import Report
from app.transfer.rows import Row

_SHOWN_ERRORS = 10
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Country(click.ParamType[str]):
    name = "code"

    def convert(self, value: object, *_: object) -> str:
        code = str(value).upper()
        if code not in REGIONS:
            self.fail("must be a two-letter country code, such as IN")
        return code


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--map", "maps", multiple=True, metavar="COLUMN=FIELD,…", help="Which field a column holds."
)
@click.option("--dry-run", is_flag=True, help="Show what would happen, and store nothing.")
@click.option(
    "--default-country",
    type=Country(),
    help="Country of phone numbers without a country code, such as IN.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path),
    help="File for rejected rows.  [default: beside FILE, .rejected before its ending]",
)
@click.option("--format", type=click.Choice(FORMATS), help="[default: by the ending or content]")
@click.option("--yes", "-y", is_flag=True, help="Accept guessed columns without asking.")
@options.data
@options.quiet
@options.as_json
def import_(file: Path, maps: tuple[str, ...], yes: bool, data: str | None, **more: Any) -> None:
    """Create or update contacts from FILE, CSV or JSON Lines; - is standard input.

    Each row is handled as one API request. An interrupted import can be run again: rows that are
    stored already change nothing. Exit status: 0 all rows are stored, 1 some were rejected, 2 the
    import could not run.
    """
    try:
        mapping = parse_mapping(maps)
    except Refused as error:
        raise click.BadParameter(str(error.messages[0]), param_hint="--map") from None
    settings = settings_module.load(data=data)
    with Input(file) as input_:
        if more["rejected"] and input_.is_same(more["rejected"]):
            raise click.BadParameter("must be another file than FILE", param_hint="--rejected")
        source = open_reader(input_, more["format"] or input_.format(), mapping, guess=True)
        if source.guessed:
            _show_guesses(source, ask=sys.stdin.isatty() and str(file) != "-" and not yes)
        with closing(_database(settings, dry_run=more["dry_run"])) as db:
            _Run(input_, source, settings, **more).run(db)


def _show_guesses(source: RowReader, *, ask: bool) -> None:
    """Show the guessed columns, and ask for confirmation on a terminal."""
    click.echo("Columns guessed by their names (change them with --map):", err=True)
    for name, field in source.guessed.items():
        click.echo(f"  {name} → {field or 'skipped'}", err=True)
    if ask:
        click.confirm("Is that right?", default=True, abort=True, err=True)


def _database(settings: Settings, *, dry_run: bool) -> Database:
    if dry_run and not settings.database.exists():
        raise StartError(
            f"there is no store in {settings.data}: an import without --dry-run creates one"
        )
    prepare_folder(settings.data)
    prepare_store(settings)
    return open_store(settings)


class _Run:
    """One import, with its progress, rejected rows, signals and summary."""

    def __init__(
        self,
        input_: Input,
        source: RowReader,
        settings: Settings,
        *,
        format: str | None,
        dry_run: bool,
        default_country: str | None,
        rejected: Path | None,
        quiet: bool,
        as_json: bool,
    ) -> None:
        self._input = input_
        self._source = source
        self._schema = ContactSchema(settings.phone_check)
        self._dry_run = dry_run
        self._region = default_country
        self._rejected = rejected or input_.beside("rejected")
        self._shown = Progress(quiet=quiet)
        self._as_json = as_json
        self._stopped = 0
        self._rows: NewFile | None = None
        self._kept: Path | None = None

    def run(self, db: Database) -> None:
        importer = Importer(
            db,
            self._schema,
            Report(dry_run=self._dry_run),
            names=self._source.names,
            region=self._region,
            on_rejected=self._reject,
            after_batch=lambda _: self._go_on(importer),
        )
        failure: ServiceError | OSError | None = None
        with ExitStack() as stack:
            stack.callback(importer.close)
            if self._rejected and not self._dry_run:
                self._rows = stack.enter_context(NewFile(self._rejected))
                self._rows.write(self._source.rejected.head)
            try:
                with self._stoppable(importer):
                    importer.run(self._source.rows)
            except (ServiceError, OSError) as error:
                failure = error
            self._shown.clear()
            unkept = self._keep(importer.report)
            failure = failure or unkept
        self._print_result(importer, complete=not (failure or self._stopped))
        if failure:
            raise failure
        if self._stopped:
            sys.exit(128 + self._stopped)
        sys.exit(1 if importer.report.rejected else 0)

    def _keep(self, report: Report) -> OSError | None:
        """Keep the file of rejected rows, if there are any; return the error that prevents it."""
        try:
            if self._rows and report.rejected:
                self._rows.keep()
                self._kept = self._rejected
        except OSError as error:
            return error
        return None

    @contextmanager
    def _stoppable(self, importer: Importer) -> Iterator[None]:
        """Let signals end the import between batches, or at once while it waits for input."""

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
        report = importer.report
        self._shown(self._input.progress(report.rows, f"{report.rejected:,} rejected"), None)
        if self._stopped:
            raise _Stopped

    def _reject(self, row: Row, reason: str) -> None:
        if self._rows:
            self._rows.write(self._source.rejected.row(row, reason))

    def _print_result(self, importer: Importer, *, complete: bool) -> None:
        report = importer.report
        kept = str(self._kept) if self._kept else None
        if self._as_json:
            result = {**report.as_dict(), "columns": dict(self._source.columns)}
            click.echo(json.dumps({**result, "rejected_file": kept, "complete": complete}))
            return
        for each in report.errors[:_SHOWN_ERRORS]:
            column = f"{each['column']}: " if each["column"] else ""
            click.echo(f"line {each['line']}: {column}{each['reason']}")
        for line, change in importer.preview:
            click.echo(f"line {line}: {change.status} {_shown(change.diff())}")
        click.echo(_summary(importer, complete=complete))
        if kept:
            click.echo(f"Rejected rows are in {kept}: correct them and import that file.")
        elif report.rejected and not self._rejected:
            click.echo("To write the rejected rows to a file, use --rejected FILE")


class _Stopped(BaseException):
    """A signal stopped the import."""


def _shown(diff: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{name}={each['after']}" for name, each in diff.items())


def _summary(importer: Importer, *, complete: bool) -> str:
    report = importer.report
    verb = "Would import" if report.dry_run else "Imported"
    text = (
        f"{verb} {report.rows:,} rows: {report.created:,} created, {report.updated:,} updated, "
        f"{report.unchanged:,} unchanged, {report.rejected:,} rejected"
    )
    if report.repeated:
        text += f"\n{report.repeated:,} rows repeat a phone number: the last row wins"
    if not complete:
        text += f"\nStopped: all up to line {report.last_line:,} is done; run it again for the rest"
    return text
