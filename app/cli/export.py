"""`contacts export`: get contacts out as a file, while the server runs or not."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from app import settings as settings_module
from app.cli import options
from app.cli.output import NewFile
from app.cli.progress import Progress, progress
from app.database import Database
from app.database.migrate import migrate
from app.errors import StartError
from app.transfer.exporter import export as export_contacts
from app.transfer.readers import ENDINGS, FORMATS
from app.transfer.schemas import ExportQuery, ExportQuerySchema
from app.web.loading import load


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@click.option("--format", type=click.Choice(FORMATS), help="[default: by the ending, else csv]")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="NAME=VALUE",
    help='Only these, as in a list: "tag=VIP", "custom_fields[plan]=pro"; can be repeated.',
)
@options.data
@options.quiet
@options.as_json
def export(
    file: Path,
    format: str | None,
    conditions: tuple[str, ...],
    data: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write contacts to FILE, CSV or JSON Lines; - or none is standard output.

    Others write meanwhile. The file appears when it is whole, and only its owner can read it.
    """
    to_file = str(file) != "-"
    query: ExportQuery = load(ExportQuerySchema(), _asked(conditions))
    format = format or ENDINGS.get(file.suffix.lower() if to_file else "", "csv")
    settings = settings_module.load(data=data)
    if not settings.database.exists():
        raise StartError(f"there is no store in {settings.data}")
    migrate(settings.database)
    started = time.monotonic()
    with closing(Database(settings.database)) as db, progress(quiet=quiet) as shown:
        counter = _Counter(export_contacts(db, query.search, format), shown)
        if to_file:
            _write(file, counter)
        else:
            for part in counter:
                click.echo(part, nl=False)
    seconds = round(time.monotonic() - started, 1)
    told: dict[str, Any] = {"file": str(file) if to_file else None, "format": format}
    told |= {"contacts": counter.contacts, "seconds": seconds}
    text = f"Exported {counter.contacts:,} contacts to {file if to_file else 'standard output'}"
    click.echo(json.dumps(told) if as_json else text, err=not to_file)


def _asked(conditions: Iterable[str]) -> dict[str, Any]:
    """Return what a query string would give."""
    asked: dict[str, Any] = {}
    for each in conditions:
        name, equals, value = each.partition("=")
        if name == "format":
            raise click.BadParameter("say --format", param_hint="--where")
        if not equals:
            raise click.BadParameter(f"must be NAME=VALUE, not {each!r}", param_hint="--where")
        if name in ExportQuerySchema.repeatable:
            asked.setdefault(name, []).append(value)
        elif name in asked:
            raise click.BadParameter(f"{name} is given more than once", param_hint="--where")
        else:
            asked[name] = value
    return asked


def _write(file: Path, parts: Iterable[bytes]) -> None:
    with NewFile(file) as new:
        for part in parts:
            new.write(part)
        new.keep()


class _Counter:
    """Passes the parts on, counts the contacts in them, and shows how many there were."""

    def __init__(self, parts: Iterator[tuple[str, int]], shown: Progress) -> None:
        self.contacts = 0
        self._parts = parts
        self._shown = shown
        self._started = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        for part, count in self._parts:
            self.contacts += count
            rate = self.contacts / max(time.monotonic() - self._started, 0.001)
            self._shown(f"{self.contacts:,} contacts, {rate:,.0f}/s", None)
            yield part.encode()
