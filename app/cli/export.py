"""`contacts export`: write contacts to a file, whether the server runs or not."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from app.cli import options
from app.cli.output import NewFile
from app.cli.progress import Progress, progress
from app.database import open_store, prepare_store
from app.plurals import plural
from app.transfer.exporter import Part
from app.transfer.exporter import export as export_contacts
from app.transfer.formats import ENDINGS, FORMATS
from app.transfer.schemas import ExportQuery, ExportQuerySchema
from app.web.loading import load


@click.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), default="-")
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    help="[default: by the ending of FILE, else csv]",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="NAME=VALUE",
    help='A filter as in the list, such as "tag=VIP" or "custom_fields[plan]=pro"; repeatable.',
)
@click.option("--segment", help="Only the contacts in this segment.")
@options.data
@options.quiet
@options.as_json
def export(
    file: Path,
    format: str | None,
    conditions: tuple[str, ...],
    segment: str | None,
    data: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write contacts to FILE: CSV, JSON Lines, .xlsx or vCards; - or none is standard output.

    The server may run. The file appears once it is complete; only its owner can read it.
    """
    to_file = str(file) != "-"
    query: ExportQuery = load(
        ExportQuerySchema(), _query([*conditions, *([f"segment={segment}"] if segment else ())])
    )
    format = format or ENDINGS.get(file.suffix.lower() if to_file else "", "csv")
    settings = options.settings_of_store(data)
    prepare_store(settings)
    started = time.monotonic()
    with closing(open_store(settings)) as db, progress(quiet=quiet) as shown:
        counter = _Counter(export_contacts(db, query.search, format), shown)
        if to_file:
            _write(file, counter)
        else:
            for part in counter:
                click.echo(part, nl=False)
    seconds = round(time.monotonic() - started, 1)
    summary = {
        "file": str(file) if to_file else None,
        "format": format,
        "contacts": counter.contacts,
        "seconds": seconds,
    }
    count = plural(counter.contacts, "contact")
    text = f"Exported {count} to {file if to_file else 'standard output'}"
    click.echo(json.dumps(summary) if as_json else text, err=not to_file)


def _query(conditions: Iterable[str]) -> dict[str, Any]:
    """Return the conditions as a query string would give them."""
    query: dict[str, Any] = {}
    for each in conditions:
        name, equals, value = each.partition("=")
        if name == "format":
            raise click.BadParameter("use --format instead", param_hint="--where")
        if not equals:
            raise click.BadParameter(f"must be NAME=VALUE, not {each!r}", param_hint="--where")
        if name in ExportQuerySchema.repeatable:
            query.setdefault(name, []).append(value)
        elif name in query:
            raise click.BadParameter(f"{name} is given more than once", param_hint="--where")
        else:
            query[name] = value
    return query


def _write(file: Path, parts: Iterable[bytes]) -> None:
    with NewFile(file) as new:
        for part in parts:
            new.write(part)
        new.keep()


class _Counter:
    """Passes the parts on, counts their contacts, and shows the count as progress."""

    def __init__(self, parts: Iterator[Part], shown: Progress) -> None:
        self.contacts = 0
        self._parts = parts
        self._shown = shown
        self._started = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        for part, count in self._parts:
            self.contacts += count
            rate = self.contacts / max(time.monotonic() - self._started, 0.001)
            self._shown(f"{plural(self.contacts, 'contact')}, {rate:,.0f}/s", None)
            yield part
