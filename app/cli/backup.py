"""`contacts backup` and `contacts restore`."""

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click

from app import clock
from app import settings as settings_module
from app.cli import options
from app.cli.progress import progress
from app.database.files import sync
from app.errors import ServiceError, StartError
from app.maintenance.backup import back_up
from app.maintenance.restore import restore as restore_store
from app.maintenance.rotation import named_by_time, prune
from app.serving.startup import prepare_folder


@dataclass(frozen=True)
class _Order:
    store: Path
    target: Path
    is_folder: bool
    keep: int | None
    quiet: bool
    as_json: bool


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--every", type=options.Duration(), help="Go on, such as every 6h, until stopped.")
@click.option("--keep", type=click.IntRange(1), help="Remove all but so many of the newest.")
@options.data
@options.quiet
@options.as_json
def backup(
    file: Path,
    every: timedelta | None,
    keep: int | None,
    data: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Copy the store into FILE, verified, while the server runs or not.

    Where FILE is a folder, and always with --every or --keep, backups in it are named by time.
    """
    settings = settings_module.load(data=data)
    if not settings.database.exists():
        raise StartError(f"there is no store in {settings.data}")
    file = file.absolute()
    if every or keep:
        _make_folder(file)
    with suppress(OSError):  # Which a sandbox may forbid.
        os.nice(10)  # A server on this machine goes first.
    order = _Order(settings.database, file, file.is_dir(), keep, quiet, as_json)
    _back_up_once(order)
    if every:
        _go_on(order, every)


def _make_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync(folder.parent)
    except OSError as error:
        raise StartError(f"cannot use the folder {folder}: {error.strerror}") from None


def _back_up_once(order: _Order) -> None:
    file = named_by_time(order.target, clock.now()) if order.is_folder else order.target
    started = time.monotonic()
    with progress(quiet=order.quiet) as shown:
        copied = back_up(order.store, file, shown)
    gone = prune(file, order.keep) if order.keep else []
    summary = {
        "file": str(file),
        "bytes": file.stat().st_size,
        "seconds": round(time.monotonic() - started, 1),
        "schema_version": copied.schema_version,
        "counts": copied.counts,
        "removed": [str(path) for path in gone],
    }
    text = f"Backed up {_counted(copied.counts)} to {file} ({_size(file.stat().st_size)})"
    _tell(order.as_json, summary, text + (f"; removed {len(gone)} older" if gone else ""))


def _go_on(order: _Order, every: timedelta) -> None:
    """Back up again and again until stopped; what fails is told and tried at the next time."""
    stopping = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopping.set())
    seconds = every.total_seconds()
    due = time.monotonic() + seconds
    while not stopping.wait(due - time.monotonic()):
        due = max(due + seconds, time.monotonic())
        try:
            _back_up_once(order)
        except (StartError, ServiceError, OSError) as error:
            click.echo(f"contacts: {error}; the next try is in {every}", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.data
@options.quiet
@options.as_json
def restore(file: Path, data: str | None, quiet: bool, as_json: bool) -> None:
    """Put a backup in the place of the store; the server must be stopped.

    The backup is verified first. The old store stays beside the new one, under another name.
    """
    settings = settings_module.load(data=data)
    prepare_folder(settings.data)
    store = settings.database
    kept = store.with_name(f"{store.name}.before-restore-{clock.now():%Y%m%dT%H%M%SZ}")
    with progress(quiet=quiet) as shown:
        restored = restore_store(file.absolute(), store, kept, shown)
    counts = restored.copy.counts
    summary = {
        "store": str(store),
        "kept": str(restored.kept) if restored.kept else None,
        "schema_version": restored.copy.schema_version,
        "counts": counts,
    }
    text = (
        f"Restored {_counted(counts)} to {store}, counted as in the backup.\n"
        f"API keys ({counts['api_keys']}) and webhooks ({counts['webhooks']}) are the backup's: "
        "what was revoked or deleted since is there again."
    )
    if restored.kept:
        text += f"\nThe old store is kept: {restored.kept}"
    _tell(as_json, summary, text)


def _tell(as_json: bool, summary: Mapping[str, object], text: str) -> None:
    click.echo(json.dumps(summary) if as_json else text)


def _counted(counts: Mapping[str, int]) -> str:
    return f"{counts.get('contacts', 0):,} contacts"


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
