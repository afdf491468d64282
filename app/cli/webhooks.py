"""`contacts webhooks`: deliver without a server that does so."""

import signal
import threading

import click

from app import logs
from app import settings as settings_module
from app.cli import options
from app.database import Database
from app.database.migrate import migrate
from app.errors import StartError
from app.serving.startup import prepare_folder
from app.webhooks.runner import Runner


@click.group()
def webhooks() -> None:
    """Deliver webhooks; contacts serve does so by itself."""


@webhooks.command()
@options.data
def deliver(data: str | None) -> None:
    """Deliver until stopped with Ctrl-C or SIGTERM, beside gunicorn wsgi:app.

    Several may run: one at a time delivers, and when it stops the next takes its place.
    """
    settings = settings_module.load(data=data)
    if not settings.database.exists():
        raise StartError(f"there is no store in {settings.data}: contacts serve starts one")
    prepare_folder(settings.data)
    migrate(settings.database)
    logs.configure(settings.log_level, settings.log_format)
    stopping = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopping.set())

    def tell(is_at_work: bool) -> None:
        waits = "Another process delivers: waiting to take its place"
        click.echo(f"Delivering the webhooks of {settings.data}" if is_at_work else waits)

    db = Database(settings.database)
    db.hold()
    Runner(db, settings, stopping, tell).run()
