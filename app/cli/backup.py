"""`contacts backup` and `contacts restore`."""

import json
import os
import shlex
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from app import clock
from app import settings as settings_module
from app.cli import STOPPING, options
from app.cli.progress import progress
from app.database.sqlite.files import sync
from app.errors import ServiceError, StartError
from app.maintenance.backup import back_up
from app.maintenance.restore import restore as restore_store
from app.maintenance.rotation import named_by_time, prune
from app.plurals import plural
from app.serving.startup import prepare_folder


@dataclass(frozen=True)
class _Job:
    store: Path
    target: Path
    is_folder: bool
    keep: int | None
    quiet: bool
    as_json: bool


@click.command()
@click.argument("file", type=click.Path())
@click.option("--every", type=options.Duration(), help="Repeat until stopped, such as every 6h.")
@click.option(
    "--keep", type=click.IntRange(1), help="Remove all but this many of the newest backups."
)
@options.data
@options.quiet
@options.as_json
def backup(
    file: str,
    every: timedelta | None,
    keep: int | None,
    data: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Copy the store into FILE and verify the copy; the server may run.

    If FILE is a folder, backups in it are named by time. With --every or --keep, or a / at its
    end, it always is one.
    """
    settings = options.settings_of_file(
        data, f'run pg_dump -Fc -f {shlex.quote(file)} "$CONTACTS_DATABASE_URL"'
    )
    target = Path(file).absolute()
    if every or keep or file.endswith("/"):
        _make_folder(target)
    with suppress(OSError):  # A sandbox may forbid it.
        os.nice(10)  # A server on this machine has priority.
    job = _Job(settings.database, target, target.is_dir(), keep, quiet, as_json)
    _back_up_once(job)
    if every:
        with suppress(KeyboardInterrupt):
            _repeat(job, every)


def _make_folder(folder: Path) -> None:
    try:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            sync(folder.parent)
    except OSError as error:
        raise StartError(f"cannot use the folder {folder}: {error.strerror}") from None


def _back_up_once(job: _Job) -> None:
    """Back up; a signal that comes once the backup is complete has to wait for the summary."""
    file = named_by_time(job.target, clock.now()) if job.is_folder else job.target
    started = time.monotonic()
    hold_signals = partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOPPING)
    with progress(quiet=job.quiet) as shown:
        copied = back_up(job.store, file, shown, before_naming=hold_signals)
    removed = prune(file, job.keep) if job.keep else []
    summary = {
        "file": str(file),
        "bytes": file.stat().st_size,
        "seconds": round(time.monotonic() - started, 1),
        "schema_version": copied.schema_version,
        "counts": copied.counts,
        "removed": [str(path) for path in removed],
    }
    text = f"Backed up {_counted(copied.counts)} to {file} ({_size(file.stat().st_size)})"
    _print(job.as_json, summary, text + (f"; removed {len(removed)} older" if removed else ""))


def _repeat(job: _Job, every: timedelta) -> None:
    """Back up again and again; report what fails, and retry at the next time."""
    seconds = every.total_seconds()
    due = time.monotonic() + seconds
    while True:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + seconds, time.monotonic())
        try:
            _back_up_once(job)
        except (StartError, ServiceError, OSError) as error:
            click.echo(f"contacts: {error}; the next try is in {every}", err=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.data
@options.quiet
@options.as_json
def restore(file: Path, data: str | None, quiet: bool, as_json: bool) -> None:
    """Replace the store with a backup. Stop the server first.

    The backup is verified first. The old store is kept beside the new one, under another name.
    """
    settings = settings_module.load(data=data)
    if settings.database_url:
        raise StartError(
            f'the store is in PostgreSQL: run pg_restore -d "$CONTACTS_DATABASE_URL" '
            f"{shlex.quote(str(file))} on an empty database, then contacts restored"
        )
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
        f"Restored {_counted(counts)} to {store}, as many as in the backup.\n"
        f"API keys ({counts['api_keys']}) and webhooks ({counts['webhooks']}) are the backup's: "
        "those that were revoked or deleted since then exist again."
    )
    if restored.kept:
        text += f"\nThe old store is kept: {restored.kept}"
    _print(as_json, summary, text)


def _print(as_json: bool, summary: Mapping[str, object], text: str) -> None:
    click.echo(json.dumps(summary) if as_json else text)


def _counted(counts: Mapping[str, int]) -> str:
    return plural(counts.get("contacts", 0), "contact")


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB"
