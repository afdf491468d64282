"""`contacts webhooks`: deliver webhooks beside a server that does not."""

import signal
import threading

import click

from app import logs
from app.cli import STOPPING, options
from app.database import open_store, prepare_store
from app.serving.startup import prepare_folder
from app.webhooks.runner import Runner


@click.group()
def webhooks() -> None:
    """Deliver webhooks. `contacts serve` does so by itself."""


@webhooks.command()
@options.data
def deliver(data: str | None) -> None:
    """Deliver webhooks beside `gunicorn wsgi:app`, until Ctrl-C or SIGTERM.

    Several may run: one of them delivers, and another takes over when it stops.
    """
    settings = options.settings_of_store(data)
    prepare_folder(settings.data)
    prepare_store(settings)
    logs.configure(settings.log_level, settings.log_format)
    stopping = threading.Event()
    for each in STOPPING:
        signal.signal(each, lambda *_: stopping.set())

    def show(is_delivering: bool) -> None:
        waits = "Another process delivers: waiting to take over"
        click.echo(f"Delivering the webhooks of {settings.data}" if is_delivering else waits)

    db = open_store(settings)
    db.hold()
    Runner(db, settings, stopping, show).run()
