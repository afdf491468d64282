"""`contacts serve --stand-in`: the real API's stand-in, for this machine alone."""

import shlex
from dataclasses import replace
from pathlib import Path

import click

from app import settings as settings_module
from app.cli.input import Input
from app.database import Database
from app.errors import StartError
from app.serving.startup import check_address
from app.settings import Settings
from app.standin import server


def serve_stand_in(
    data: str | None, seed: Path | None, demo: int | None, options: dict[str, str | None]
) -> None:
    """Prepare a store of the stand-in's own, then serve it until stopped."""

    def fill(db: Database, settings: Settings) -> None:
        if seed or demo:
            from app.standin import seeds  # It loads the numbering plans.

            if seed:
                if seed.exists() and not seed.is_file():
                    raise StartError(f"--seed {seed} must be a file: it is read twice")
                check = settings.phone_check
                for dry_run in (True, False):  # A bad row leaves no other behind.
                    with Input(seed.absolute()) as rows:
                        form = rows.format()
                        seeds.load_rows(db, rows, form, phone_check=check, dry_run=dry_run)
            if demo:
                seeds.load_demo(db, demo)

    server.check_loopback(settings_module.load(None, data=data, **options).host)
    with server.folder_for(data) as folder:
        settings = settings_module.load(None, data=folder, **options)
        if settings.rate_limit == Settings.rate_limit:
            settings = replace(settings, rate_limit=server.LIMIT)
        check_address(settings)
        found = server.prepare(settings, fill)
        server.StandInServer(settings, found, lambda url: _announce(url, settings)).run()


def _announce(url: str, settings: Settings) -> None:
    click.echo(f"Stand-in on {url}, data in {settings.data}")
    click.echo(
        f"Its key is {server.KEY}; {url}/stand-in lists what it can play. Another key:\n"
        f"  contacts keys create --label NAME --data {shlex.quote(str(settings.data))}\n"
        "Try:\n"
        f'  curl {url}/v1/contacts -H "Authorization: Bearer {server.KEY}"'
    )
