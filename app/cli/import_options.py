"""The options of `contacts import` that say how a file is understood."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from app.errors import InvalidInput
from app.transfer.formats import FORMATS
from app.transfer.schemas import TAG_MODES, ImportQuery, ImportQuerySchema
from app.web.loading import load

_OPTIONS = (
    click.option("--format", type=click.Choice(FORMATS), help="[default: by the content]"),
    click.option("--encoding", help="Such as utf-8 or windows-1252.  [default: by the content]"),
    click.option("--sheet", help="Sheet of an Excel file.  [default: the first]"),
    click.option("--skip-lines", metavar="N", help="Lines above the names of the columns."),
    click.option(
        "--map", multiple=True, metavar="COLUMN=FIELD,…", help="Which field a column holds."
    ),
    click.option(
        "--default-country",
        metavar="CODE",
        help="Country of phone numbers without a country code, such as IN.",
    ),
    click.option(
        "--international", is_flag=True, help="All phone numbers begin with a country code."
    ),
    click.option(
        "--tags",
        type=click.Choice(TAG_MODES),
        help="Whether a row's tags are added to those of its contact, or replace them.  "
        "[default: add]",
    ),
    click.option("--add-tag", multiple=True, metavar="TAG", help="Add a tag to each contact."),
    click.option("--tag-separator", metavar="TEXT", help="What is between tags in a cell."),
    click.option("--lenient", is_flag=True, help="Leave out bad cells, and import their rows."),
    click.option(
        "--match-twins",
        is_flag=True,
        help="Update the contact whose number differs by Brazil's or Argentina's 9 only.",
    ),
)
_SCHEMA = ImportQuerySchema(exclude=("dry_run", "stop_on_disconnect"))


def import_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options, and pass them to the command as `query`."""

    @wraps(command)
    def run(**given: Any) -> None:
        query = _query({name: given.pop(name) for name in _SCHEMA.fields})
        command(query=query, **given)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def _query(given: dict[str, Any]) -> ImportQuery:
    """Return the options as the query string of a request would give them."""
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, False, ())
    }
    values |= {name: "true" for name, value in values.items() if value is True}
    try:
        query: ImportQuery = load(_SCHEMA, values)
    except InvalidInput as error:
        name, reasons = next(iter((error.details or {}).items()))
        while isinstance(reasons, dict):  # Of one of several values.
            reasons = next(iter(reasons.values()))
        option = "--" + name.replace("_", "-")
        raise click.BadParameter(str(reasons[0]), param_hint=option) from None
    return query
