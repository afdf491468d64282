"""`contacts serve`: run the server."""

import gc
import os
import shlex
import sys
from pathlib import Path

import click

from app import settings as settings_module
from app.cli import options
from app.database.sqlite.connection import SQLITE_VERSION
from app.serving.startup import KEY_FILE, check_address, keep_first_key, prepare
from app.settings import Settings
from app.version import VERSION


@click.command()
@options.data
@click.option("--host", help=f"Address to listen on.  [default: {Settings.host}]")
@click.option("--port", help=f"Port to listen on; 0 takes a free one.  [default: {Settings.port}]")
@click.option("--workers", help=f"Processes that serve.  [default: {Settings.workers}]")
@click.option("--threads", help=f"Threads in each process.  [default: {Settings.threads}]")
@click.option("--stand-in", is_flag=True, help="Replace the vendor's API while you develop.")
@click.option(
    "--seed", type=click.Path(path_type=Path), help="CSV or JSON Lines file that a stand-in loads."
)
@click.option(
    "--demo", type=click.IntRange(1, 100_000), help="Number of contacts that a stand-in makes up."
)
def serve(
    data: str | None, stand_in: bool, seed: Path | None, demo: int | None, **options: str | None
) -> None:
    """Run the server until Ctrl-C or SIGTERM, and deliver webhooks.

    Options can also be set in the environment, as CONTACTS_DATA, CONTACTS_HOST and so on, except
    --stand-in, --seed and --demo.
    """
    if stand_in:
        # A normal server never loads any of it.
        from app.cli.stand_in import serve_stand_in

        serve_stand_in(data, seed, demo, options)
        return
    if seed or demo:
        raise click.UsageError("--seed and --demo need --stand-in")
    settings = settings_module.load(None, data=data, **options)
    check_address(settings)
    shown_key = prepare_and_show_key(settings)
    gc.disable()  # Until workers start: nothing that modules make is garbage.
    # Gunicorn is slow to import: a wrong option is reported without it.
    from app.serving.server import Server

    Server(settings, lambda address: _announce(address, settings, shown_key)).run()


def prepare_and_show_key(settings: Settings) -> str:
    """Prepare the data folder, and show the first admin key or its file if it was created now.

    Returns the text that stands for a key in a shell command.
    """
    kept = settings.data / KEY_FILE
    shown = [f"$(cat {shlex.quote(str(kept))})" if kept.exists() else "YOUR_API_KEY"]

    def show(settings: Settings, key: str) -> None:
        if sys.stdout.isatty():
            click.echo(f"First admin key, shown only now: {key}")
            shown[0] = key
        else:
            path = keep_first_key(settings, key)
            click.echo(f"First admin key: in {path}")
            shown[0] = f"$(cat {shlex.quote(str(path))})"

    prepare(settings, show)
    return shown[0]


def show_summary(address: str, settings: Settings) -> None:
    """Print five lines: address, process, store, limits, log."""
    log, store = settings.log_format, settings.database
    if settings.database_url:
        from app.database.postgres.url import shown as shown_url

        kept = f"PostgreSQL: {shown_url(settings.database_url)}"
    else:
        kept = f"SQLite {SQLITE_VERSION}, {store.stat().st_size / 1e6:,.1f} MB in {store.name}"
    form = {"auto": "text" if os.isatty(2) else "JSON", "json": "JSON", "text": "text"}[log]
    shown = "everybody" if settings.metrics_public else "keys with the scope admin"
    most = settings.max_body_bytes / 2**20
    for line in (
        f"Contacts service on {address}, data in {settings.data}",
        f"Version {VERSION}, process {os.getpid()}: "
        f"{settings.workers} workers with {settings.threads} threads each",
        f"{kept}; writes are on disk before their response",
        f"Limits: {settings.rate_limit or 'any number of'} requests a minute for a key, "
        f"{settings.wrong_key_limit or 'any number of'} wrong keys for an address; "
        f"bodies to {most:g} MiB",
        f"Log: {form} on standard error from level {settings.log_level}; "
        f"metrics at /metrics for {shown}",
    ):
        click.echo(line)


def _announce(address: str, settings: Settings, key: str) -> None:
    show_summary(address, settings)
    if key == "YOUR_API_KEY":
        data = shlex.quote(str(settings.data))
        click.echo(f"Create a key with: {options.program()} keys create --label NAME --data {data}")
    click.echo(
        "Try:\n"
        f"  curl -X POST {address}/v1/contacts \\\n"
        f'    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        """    -d '{"phone": "918856879188", "first_name": "Priya", "tags": ["Lead"]}'"""
    )
