"""`contacts import`: store the contacts of a file, whether the server runs or not."""

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from app import segments
from app import settings as settings_module
from app.cli import import_preview, options
from app.cli.import_options import import_options
from app.cli.import_run import Run, summary
from app.cli.input import Input
from app.cli.progress import Progress
from app.database import Database, open_store, prepare_store
from app.errors import StartError
from app.serving.startup import prepare_folder
from app.settings import Settings
from app.transfer.importer import Importer
from app.transfer.intake import Intake
from app.transfer.preview import preview
from app.transfer.schemas import ImportQuery
from app.web.loading import printable


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@import_options
@click.option("--dry-run", is_flag=True, help="Show what would happen, and store nothing.")
@click.option(
    "--rejected",
    type=click.Path(path_type=Path),
    help="File for rejected rows.  [default: beside FILE, .rejected before its ending]",
)
@click.option("--yes", "-y", is_flag=True, help="Import without asking.")
@options.data
@options.quiet
@options.as_json
def import_(
    file: Path,
    query: ImportQuery,
    dry_run: bool,
    rejected: Path | None,
    yes: bool,
    data: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Create or update contacts from FILE; - is standard input.

    FILE is CSV, Excel (.xlsx), vCard or JSON Lines, as spreadsheets and other programs write them.
    On a terminal the command shows what will happen and asks. An interrupted import can be run
    again: rows that are stored already change nothing. Exit status: 0 all rows are stored, 1 some
    were rejected, 2 the import could not run.
    """
    settings = settings_module.load(data=data)
    asks = str(file) != "-" and not (yes or dry_run) and sys.stdin and sys.stdin.isatty()
    with Input(file) as input_, ExitStack() as stack:
        if rejected and input_.is_same(rejected):
            raise click.BadParameter("must be another file than FILE", param_hint="--rejected")
        shown = Progress(quiet=quiet)
        source = query.source(input_.file, input_.name)
        intake = stack.enter_context(Intake(source, query.options(), settings.phone_check))
        found = _preview(settings, intake) if dry_run or asks else None
        if dry_run and found:
            _print_preview(intake, *found, as_json=as_json)
        if intake.problem:
            raise StartError(intake.problem)
        if found:
            _ask(*found)
        else:
            _show_known_columns(intake)
        db = stack.enter_context(closing(_database(settings)))
        shown_before = found[1] if found else None
        Run(input_, intake, rejected, shown, shown_before, as_json=as_json).run(db)


def _exists(settings: Settings) -> bool:
    return bool(settings.database_url) or settings.database.exists()


def _preview(settings: Settings, intake: Intake) -> tuple[Importer, dict[str, Any]]:
    """Plan the import against the store, or an empty one where there is none yet."""
    with tempfile.TemporaryDirectory() as folder:
        if not _exists(settings):
            settings = replace(settings, data=Path(folder))
        with closing(_database(settings)) as db:
            return preview(db, intake)


def _print_preview(
    intake: Intake, importer: Importer, found: Mapping[str, Any], *, as_json: bool
) -> None:
    """Print the preview of a dry run; exit unless the file has a problem to report."""
    report = importer.report
    if as_json:
        result = {"preview": found, "rejected_file": None, "complete": True}
        click.echo(json.dumps({**report.as_dict(), **result}))
    else:
        for line in import_preview.lines(report, found):
            click.echo(line)
        click.echo(summary(report, complete=True))
    if not intake.problem:
        sys.exit(1 if report.rejected else 0)


def _ask(importer: Importer, found: Mapping[str, Any]) -> None:
    for line in import_preview.lines(importer.report, found):
        click.echo(line, err=True)
    click.confirm("Import this?", default=True, abort=True, err=True)


def _show_known_columns(intake: Intake) -> None:
    layout = intake.opened.layout
    if layout and layout.guessed:
        click.echo("Columns by their names (change them with --map):", err=True)
        for name, field in layout.guessed.items():
            click.echo(printable(f"  {name} → {field or 'left out'}"), err=True)


def _database(settings: Settings) -> Database:
    prepare_folder(settings.data)
    prepare_store(settings)
    segments.follow()
    return open_store(settings)
