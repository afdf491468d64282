"""`contacts doctor`: check the store and what it depends on, and say what to do."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, fields

import click

from app import segments
from app.cli import options
from app.cli.progress import Progress, progress
from app.database import check_driver
from app.maintenance import data_folder_checks
from app.maintenance.doctor import Finding, check_sqlite, examine
from app.maintenance.exclusive import exclusive
from app.serving.startup import KEY_FILE
from app.settings import PREFIX, Settings


@click.command()
@click.option(
    "--fix",
    is_flag=True,
    help="Rebuild index rows and counts, clean values. With SQLite, stop the server first.",
)
@options.data
@options.quiet
@options.as_json
def doctor(fix: bool, data: str | None, quiet: bool, as_json: bool) -> None:
    """Check the store and its environment, and report how to repair problems.

    Without --fix the server may run. Exit status: 1 if there is a problem; warnings alone are 0.
    """
    settings = options.settings_of_store(data)
    segments.follow()
    found = []
    is_file = not settings.database_url
    alone = (
        exclusive(settings.database, "contacts doctor --fix") if fix and is_file else nullcontext()
    )
    with progress(quiet=quiet) as shown, alone:
        for finding in _findings(settings, fix, shown):
            found.append(finding)
            if not as_json:
                shown.clear()
                show_finding(finding)
    # Checks that --fix repeats count by their last result.
    states = {each.check: each.state for each in found}.values()
    problems, warnings = (sum(each == state for each in states) for state in ("problem", "warning"))
    if as_json:
        click.echo(json.dumps({"ok": not problems, "findings": [asdict(each) for each in found]}))
    else:
        click.echo(f"{_plural(problems, 'problem')}, {_plural(warnings, 'warning')}")
    if problems:
        sys.exit(1)


def _findings(settings: Settings, fix: bool, shown: Progress) -> Iterator[Finding]:
    store = settings.database
    yield check_settings(settings)
    if settings.database_url:
        check_driver(settings.database_url)
        from app.maintenance import postgres_doctor

        yield data_folder_checks.check_permissions(settings.data)
        yield from postgres_doctor.examine(settings, fix=fix)
        return
    yield check_sqlite()
    yield data_folder_checks.check_file_system(settings.data)
    yield data_folder_checks.check_free_space(store)
    yield data_folder_checks.check_permissions(settings.data)
    yield from examine(store, fix=fix, progress=shown)
    yield data_folder_checks.check_log(store)
    yield data_folder_checks.check_leftovers(store, settings.data / KEY_FILE)


def check_settings(settings: Settings) -> Finding:
    """List the settings that were changed, and warn of those that open every network."""
    defaults = Settings()
    changed = [
        PREFIX + each.name.upper()
        for each in fields(Settings)
        if getattr(settings, each.name) != getattr(defaults, each.name)
    ]
    text = f"changed: {', '.join(changed)}" if changed else "all defaults"
    if any(each.prefixlen == 0 for each in settings.webhook_allow_private.networks):
        text = f"{PREFIX}WEBHOOK_ALLOW_PRIVATE lets webhooks reach every network"
        return Finding("settings", "warning", text, "allow only the networks of your receivers")
    return Finding("settings", "ok", text)


def show_finding(finding: Finding) -> None:
    advice = f" → {finding.advice}" if finding.advice else ""
    click.echo(f"{finding.state:8} {finding.check}: {finding.text}{advice}")


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
