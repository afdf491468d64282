"""`contacts webhooks`: list them, deliver events, send dead deliveries again."""

import signal
import threading
from contextlib import suppress

import click
from marshmallow import ValidationError

from app import clock, logs
from app.cli import STOPPING, options
from app.database import Database, open_store, prepare_store
from app.plurals import plural
from app.segments.passing_time import look_again
from app.serving.startup import ResumeSweeps, prepare_folder
from app.webhooks import handlers, store
from app.webhooks.runner import Runner
from app.webhooks.schemas import parse_since


@click.group()
def webhooks() -> None:
    """List webhooks, deliver events, and send dead deliveries again."""


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
    Runner(db, settings, stopping, show, look_again, ResumeSweeps()).run()


@webhooks.command("list")
@options.data
def list_webhooks(data: str | None) -> None:
    """List all webhooks with their status, oldest first."""
    for each in store.list_webhooks(_database(data).connection()):
        click.echo(f"{each.id}  {each.status}  {each.url}  {each.label}".rstrip())


@webhooks.command()
@click.argument("id")
@click.option("--since", help="Only deliveries that died since: 2h, 3d or 2026-06-02T08:00:00Z.")
@options.data
def redeliver(id: str, since: str | None, data: str | None) -> None:
    """Send all dead deliveries of the webhook with this ID again.

    `contacts webhooks list` shows the ids. They are sent by the server, or by `deliver`.
    """
    db, queued, left = _database(data), 0, 1
    start = _instant(since) if since else None
    while left:
        count, left = handlers.redeliver_dead(db, id, start)
        queued += count
    click.echo(f"Queued {plural(queued, 'delivery', 'deliveries')} of {id}")


def _instant(since: str) -> str:
    """Return an instant of RFC 3339, or that of a duration ago."""
    with suppress(click.BadParameter):
        return clock.timestamp(clock.now() - options.Duration().convert(since))
    try:
        return parse_since(since)
    except ValidationError:
        raise click.BadParameter(
            "must be a duration such as 2h, or a time with its zone such as 2026-06-02T08:00:00Z",
            param_hint="--since",
        ) from None


def _database(data: str | None) -> Database:
    settings = options.settings_of_store(data)
    prepare_folder(settings.data)
    prepare_store(settings)
    return open_store(settings)
