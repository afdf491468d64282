"""`contacts copy`: copy the store from SQLite to PostgreSQL or back."""

import json
from pathlib import Path

import click

from app.cli import options
from app.cli.progress import progress
from app.database import check_driver, prepare_store
from app.errors import StartError
from app.maintenance.exclusive import exclusive
from app.plurals import plural
from app.serving.startup import prepare_folder


@click.command()
@click.argument("target")
@options.data
@options.quiet
@options.as_json
def copy(target: str, data: str | None, quiet: bool, as_json: bool) -> None:
    """Copy the store to TARGET: the URL of an empty PostgreSQL database, or a new data folder.

    Stop the server first. A URL takes the SQLite store in the data folder; a folder takes the
    database of CONTACTS_DATABASE_URL. Ids, keys, webhooks, deliveries and the journal go along.
    """
    settings = options.settings_of_store(data)
    is_url = target.startswith(("postgresql://", "postgres://"))
    if is_url == bool(settings.database_url):
        raise StartError(
            "CONTACTS_DATABASE_URL names what is copied: unset it to copy a data folder, "
            "or name a folder to copy to"
            if is_url
            else "TARGET must be a URL such as postgresql://user@host/database, or set "
            "CONTACTS_DATABASE_URL to copy that database to a folder"
        )
    if "://" in target and not is_url:
        raise StartError("TARGET is a URL: name a folder to copy to")
    check_driver(settings.database_url or target)
    from app.maintenance import copy_store

    with progress(quiet=quiet) as shown:
        if settings.database_url:
            folder = Path(target).absolute()
            prepare_folder(folder)
            store = folder / settings.database.name
            counts = copy_store.to_sqlite(settings.database_url, store, shown)
        else:
            prepare_store(settings)
            with exclusive(settings.database, "contacts copy"):
                counts = copy_store.to_postgres(settings.database, target, shown)
    if as_json:
        click.echo(json.dumps({"counts": counts}))
    else:
        click.echo(
            f"Copied {plural(counts['contacts'], 'contact')}, "
            f"{plural(counts['changes'], 'change')} and "
            f"{plural(counts['api_keys'], 'API key')}, as many as there were"
        )
