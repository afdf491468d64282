"""`contacts keys`: create, list and revoke API keys, whether the server runs or not."""

import json
from dataclasses import asdict
from datetime import timedelta

import click

from app import clock
from app import settings as settings_module
from app.api_keys import handlers, store
from app.api_keys.model import DEFAULT_SCOPES, PREFIX, SCOPES, TEST_PREFIX
from app.cli import options
from app.database import Database, open_store, prepare_store
from app.database.sqlite.kinds import STAND_IN
from app.database.sqlite.migrate import migrate
from app.serving.startup import prepare_folder


@click.group()
def keys() -> None:
    """Create, list and revoke API keys. A running server applies it within a second."""


@keys.command()
@click.option("--label", required=True, help="What the key is for; it appears in the log.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What the key may do; repeatable.  [default: contacts:read, contacts:write]",
)
@click.option(
    "--expires-in",
    type=options.Duration(),
    help="How long it is valid, such as 90d, 12h or 30m.  [default: for ever]",
)
@click.option(
    "--rate-limit",
    type=click.IntRange(0, 1_000_000),
    help="Requests a minute; 0 means no limit.  [default: CONTACTS_RATE_LIMIT]",
)
@options.data
def create(
    label: str,
    scopes: tuple[str, ...],
    expires_in: timedelta | None,
    rate_limit: int | None,
    data: str | None,
) -> None:
    """Create a key and print it, alone, on standard output. It cannot be shown again."""
    label = label.strip()
    if not (label and len(label) <= 100 and label.isprintable()):
        raise click.BadParameter("must be 1 to 100 printable characters", param_hint="--label")
    db, prefix = _database(data, create=True)
    handlers.create_api_key(
        db,
        label=label,
        scopes=tuple(dict.fromkeys(scopes)) or DEFAULT_SCOPES,
        expires_at=clock.now() + expires_in if expires_in else None,
        rate_limit=rate_limit,
        show=click.echo,
        prefix=prefix,
    )


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@options.data
def list_keys(as_json: bool, data: str | None) -> None:
    """List all keys, oldest first. The keys themselves are not stored, so they are not shown."""
    db, _ = _database(data)
    found = store.list_api_keys(db.connection())
    if as_json:
        click.echo(json.dumps([asdict(key) for key in found], indent=2))
        return
    for key in found:
        state = "active"
        if key.revoked_at:
            state = f"revoked {key.revoked_at}"
        elif key.expires_at:
            state = f"{'active until' if key.is_active() else 'expired'} {key.expires_at}"
        used = f"used {key.last_used_at}" if key.last_used_at else "never used"
        click.echo(f"{key.id}  {key.label}  {','.join(key.scopes)}  {state}  {used}")


@keys.command()
@click.argument("id")
@options.data
def revoke(id: str, data: str | None) -> None:
    """Revoke the key with this ID, which `contacts keys list` shows."""
    db, _ = _database(data)
    handlers.revoke_api_key(db, id)
    click.echo(f"Revoked {id}")


def _database(data: str | None, *, create: bool = False) -> tuple[Database, str]:
    """Return the store, also one of a stand-in, and the prefix of its keys."""
    settings = settings_module.load(data=data) if create else options.settings_of_store(data)
    prepare_folder(settings.data)
    if settings.database_url:
        prepare_store(settings)
    elif migrate(settings.database, kind=None) == STAND_IN:
        from app.standin.movable_clock import MovableClock

        MovableClock(settings.data)  # From now on the time is that of the stand-in.
        return open_store(settings), TEST_PREFIX
    return open_store(settings), PREFIX
