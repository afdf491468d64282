"""`contacts doctor`: look at all that the service stands on, and say what to do."""

import ipaddress
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields

import click

from app import settings as settings_module
from app.cli import options
from app.cli.progress import Progress, progress
from app.errors import StartError
from app.maintenance import data_folder_checks
from app.maintenance.doctor import Finding, check_sqlite, examine
from app.serving.startup import KEY_FILE
from app.settings import PREFIX, Settings


@click.command()
@click.option("--fix", is_flag=True, help="Repair counters and what finds contacts.")
@options.data
@options.quiet
@options.as_json
def doctor(fix: bool, data: str | None, quiet: bool, as_json: bool) -> None:
    """Check the store and all that it needs, while the server runs or not.

    The exit status is 1 where there is a problem; warnings alone are 0.
    """
    settings = settings_module.load(data=data)
    if not settings.database.exists():
        raise StartError(f"there is no store in {settings.data}")
    found = []
    with progress(quiet=quiet) as shown:
        for finding in _findings(settings, fix, shown):
            found.append(finding)
            if not as_json:
                shown.clear()
                _tell(finding)
    # What was repaired comes again, and then counts as it is now.
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
    yield check_sqlite()
    yield data_folder_checks.check_file_system(settings.data)
    yield data_folder_checks.check_room(store)
    yield data_folder_checks.check_permissions(settings.data)
    yield from examine(store, fix=fix, progress=shown)
    yield data_folder_checks.check_log(store)
    yield data_folder_checks.check_leftovers(store, settings.data / KEY_FILE)


def check_settings(settings: Settings) -> Finding:
    """Tell what is set, and what of it opens more than one may mean to."""
    defaults = Settings()
    changed = [
        PREFIX + each.name.upper()
        for each in fields(Settings)
        if getattr(settings, each.name) != getattr(defaults, each.name)
    ]
    text = f"changed: {', '.join(changed)}" if changed else "all as they come"
    if any(_is_all(each) for each in settings.webhook_allow_private.split(",")):
        text = f"{PREFIX}WEBHOOK_ALLOW_PRIVATE lets webhooks reach every network"
        return Finding("settings", "warning", text, "name only the networks that receive them")
    return Finding("settings", "ok", text)


def _is_all(target: str) -> bool:
    try:
        return ipaddress.ip_network(target).prefixlen == 0
    except ValueError:
        return False


def _tell(finding: Finding) -> None:
    advice = f" → {finding.advice}" if finding.advice else ""
    click.echo(f"{finding.state:8} {finding.check}: {finding.text}{advice}")


def _plural(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
