"""`contacts serve --stand-in`: replaces the vendor's API on this machine."""

import shlex
from pathlib import Path

import click

from app import settings as settings_module
from app.cli.options import program
from app.database import Database
from app.errors import StartError
from app.serving.startup import check_address
from app.settings import Settings
from app.standin import server


def serve_stand_in(
    data: str | None, seed: Path | None, demo: int | None, options: dict[str, str | None]
) -> None:
    """Prepare a store for the stand-in, then serve it until stopped. Raises `StartError`."""

    def load(folder: str | None) -> Settings:
        return settings_module.load(None, server.DEFAULTS, data=folder, **options)

    settings = load(data)
    if settings.database_url:
        raise StartError("a stand-in keeps its store in a file: unset CONTACTS_DATABASE_URL")
    if options["workers"] and settings.workers != 1:
        raise StartError("a stand-in has one worker: leave out --workers")
    server.check_loopback(settings.host)
    with server.data_folder(data) as folder:
        settings = load(folder)
        check_address(settings)
        start = server.prepare(settings, lambda db: _fill(db, settings, seed, demo))
        server.StandInServer(settings, start, lambda url: _announce(url, settings)).run()


def _fill(db: Database, settings: Settings, seed: Path | None, demo: int | None) -> None:
    if not (seed or demo):
        return
    # These load the numbering plans and all kinds of files.
    from app.cli.input import Input
    from app.standin import seeds

    if seed:
        if seed.exists() and not seed.is_file():
            raise StartError(f"--seed {seed} must be a file, because it is read twice")
        for dry_run in (True, False):  # An invalid row leaves no contact of another one.
            with Input(seed.absolute()) as rows:
                check = settings.phone_check
                seeds.load_rows(db, rows.file, rows.name, phone_check=check, dry_run=dry_run)
    if demo:
        seeds.load_demo(db, demo)


def _announce(url: str, settings: Settings) -> None:
    click.echo(f"Stand-in on {url}, data in {settings.data}")
    click.echo(
        f"Its key is {server.KEY}; {url}/stand-in lists how to control it. Another key:\n"
        f"  {program()} keys create --label NAME --data {shlex.quote(str(settings.data))}\n"
        "Try:\n"
        f'  curl {url}/v1/contacts -H "Authorization: Bearer {server.KEY}"'
    )
