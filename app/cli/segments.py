"""`contacts segments`: list, set and delete segments, whether the server runs or not."""

import json
import sys
import time

import click
from marshmallow import ValidationError

from app import segments as feature
from app.cli import options
from app.cli.progress import progress
from app.database import Database, open_store, prepare_store
from app.plurals import plural
from app.segments import build, handlers, store
from app.segments.schemas import clean_name, parse_filter
from app.serving.startup import prepare_folder


@click.group()
def segments() -> None:
    """List, set and delete segments: saved filters that report who enters and leaves."""


@segments.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@options.data
def list_segments(as_json: bool, data: str | None) -> None:
    """List all segments, ordered by name, with the number of their contacts."""
    db = _database(data).connection()
    found, last_id = store.list_segments(db), store.last_contact(db)
    if as_json:
        click.echo(json.dumps([each.view(last_id) for each in found], indent=2))
        return
    for each in found:
        click.echo(f"{each.name}  {plural(each.contacts, 'contact')}  {each.state}  {each.filter}")


@segments.command("set")
@click.argument("name")
@click.argument("filter")
@click.option("--notify", is_flag=True, help="Append events for all contacts that it moves.")
@options.data
@options.quiet
def set_segment(name: str, filter: str, notify: bool, data: str | None, quiet: bool) -> None:
    """Create the segment NAME, or change its FILTER: JSON, as in searches. - reads it from a pipe.

    \b
    contacts segments set VIP '{"field": "tag", "op": "eq", "value": "VIP"}'
    """
    db = _database(data)
    segment, is_new = handlers.set_segment(db, _name(name), _filter(filter), notify=notify)
    with progress(quiet=quiet) as shown:
        while segment.position is not None:
            shown("testing contacts", segment.view(store.last_contact(db.connection()))["progress"])
            time.sleep(0.1)
            build.work_off(db)
            segment = handlers.get_segment(db.connection(), segment.name)
    verb = "Made" if is_new else "Set"
    click.echo(f"{verb} {segment.name}: {plural(segment.contacts, 'contact')}")


@segments.command("delete")
@click.argument("name")
@options.data
def delete_segment(name: str, data: str | None) -> None:
    """Delete the segment NAME; its contacts stay."""
    handlers.delete_segment(_database(data), name)
    click.echo(f"Deleted {name}")


def _name(text: str) -> str:
    try:
        return clean_name(text)
    except ValidationError as error:
        raise click.BadParameter(_reason(error), param_hint="NAME") from None


def _filter(text: str) -> str:
    try:
        return parse_filter(json.loads(sys.stdin.read() if text == "-" else text))
    except ValidationError as error:
        raise click.BadParameter(_reason(error), param_hint="FILTER") from None
    except (ValueError, RecursionError):
        example = '{"field": "tag", "op": "eq", "value": "VIP"}'
        raise click.BadParameter(f"must be JSON, such as {example}", param_hint="FILTER") from None


def _reason(error: ValidationError) -> str:
    """Return the first reason, after the path to what is wrong."""
    found, path = error.messages, ""
    while isinstance(found, dict):
        name, found = next(iter(found.items()))
        path += f"{name}: "
    return path + str(found[0])


def _database(data: str | None) -> Database:
    settings = options.settings_of_store(data)
    prepare_folder(settings.data)
    prepare_store(settings)
    feature.follow()
    return open_store(settings)
