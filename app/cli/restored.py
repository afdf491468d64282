"""`contacts restored`: finish a restore of a PostgreSQL database by pg_restore."""

from contextlib import closing

import click

from app.cli import options
from app.database import open_store, prepare_store
from app.errors import StartError
from app.serving.startup import prepare_folder


@click.command()
@options.data
def restored(data: str | None) -> None:
    """Finish a restore of a PostgreSQL database by pg_restore, before a server starts on it.

    The journal continues at a number that was never used: programs that follow the changes get
    a 410 once and start over.
    """
    settings = options.settings_of_store(data)
    if not settings.database_url:
        raise StartError("the store is a file: contacts restore FILE does all of it")
    from app.maintenance.restored import continue_journal

    prepare_folder(settings.data)
    prepare_store(settings)
    with closing(open_store(settings)) as db:
        number = continue_journal(db)
    click.echo(f"The journal continues after {number:,}: programs that follow it get a 410 once")
