"""`contacts serve`: run the server."""

import os
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import click

from app import settings as settings_module
from app.cli import options
from app.database import SQLITE_VERSION
from app.serving.startup import KEY_FILE, check_address, keep_first_key, prepare
from app.settings import Settings


@click.command()
@options.data
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", help="Port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--workers", help="Processes that serve.  [default: 2]")
@click.option("--threads", help="Threads in each process.  [default: 4]")
@click.option("--stand-in", is_flag=True, help="Stand in for the real API, to develop against.")
@click.option(
    "--seed", type=click.Path(path_type=Path), help="CSV or JSON Lines that a stand-in loads."
)
@click.option("--demo", type=click.IntRange(1, 100_000), help="Contacts that a stand-in makes up.")
def serve(
    data: str | None, stand_in: bool, seed: Path | None, demo: int | None, **options: str | None
) -> None:
    """Run the server until it is stopped with Ctrl-C or SIGTERM.

    Every option can come from the environment too: CONTACTS_DATA, CONTACTS_HOST and so on;
    --stand-in cannot, nor what goes with it.
    """
    if stand_in:
        # A server without the option never loads any of it.
        from app.cli.stand_in import serve_stand_in

        serve_stand_in(data, seed, demo, options)
        return
    if seed or demo:
        raise click.UsageError("--seed and --demo need --stand-in")
    settings = settings_module.load(None, data=data, **options)
    check_address(settings)
    shown_key = prepare_aloud(settings)
    # Gunicorn takes a while to import: a wrong option is answered without it.
    from app.serving.server import Server

    Server(settings, lambda address: _announce(address, settings, shown_key)).run()


def prepare_aloud(settings: Settings) -> str:
    """Prepare the data folder and tell where its first admin key is, if it has just got one.

    Returns what stands for a key in a shell command.
    """
    kept = settings.data / KEY_FILE
    shown = [f"$(cat {shlex.quote(str(kept))})" if kept.exists() else "YOUR_API_KEY"]

    def tell(settings: Settings, key: str) -> None:
        if sys.stdout.isatty():
            click.echo(f"First admin key, shown only now: {key}")
            shown[0] = key
        else:
            path = keep_first_key(settings, key)
            click.echo(f"First admin key: in {path}")
            shown[0] = f"$(cat {shlex.quote(str(path))})"

    prepare(settings, tell)
    return shown[0]


def tell_what_runs(address: str, settings: Settings) -> None:
    """Tell in five lines what runs where, on which SQLite, with which limits."""
    log, store = settings.log_format, settings.database
    form = {"auto": "text" if os.isatty(2) else "JSON", "json": "JSON", "text": "text"}[log]
    shown = "everybody" if settings.metrics_public else "keys with the scope admin"
    most = settings.max_body_bytes / 2**20
    for line in (
        f"Contacts service on {address}, data in {settings.data}",
        f"Version {version('contacts-service')}, process {os.getpid()}: "
        f"{settings.workers} workers with {settings.threads} threads each",
        f"SQLite {SQLITE_VERSION}, {store.stat().st_size / 1e6:,.1f} MB in {store.name}; "
        "an answer to a write is on disk",
        f"Limits: {settings.rate_limit or 'any number of'} requests a minute for a key, "
        f"{settings.wrong_key_limit or 'any number of'} wrong keys for an address; "
        f"bodies to {most:g} MiB",
        f"Log: {form} on standard error from level {settings.log_level}; "
        f"metrics at /metrics for {shown}",
    ):
        click.echo(line)


def _announce(address: str, settings: Settings, key: str) -> None:
    tell_what_runs(address, settings)
    if key == "YOUR_API_KEY":
        data = shlex.quote(str(settings.data))
        # With its path: after `make run` it is in no folder that a shell searches.
        program = sys.argv[0] if sys.argv[0].endswith("contacts") else "contacts"
        click.echo(f"Make a key with: {program} keys create --label NAME --data {data}")
    click.echo(
        "Try:\n"
        f"  curl -X POST {address}/v1/contacts \\\n"
        f'    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\\n'
        """    -d '{"phone": "918856879188", "first_name": "Priya", "tags": ["Lead"]}'"""
    )
