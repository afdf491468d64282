"""`contacts self-check`: say whether this installation can run here."""

import json
import sys
from dataclasses import asdict

import click

from app import settings as settings_module
from app.cli import options
from app.cli.doctor import show_finding
from app.maintenance.self_check import check_installation


@click.command("self-check")
@options.data
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", help="Port to listen on.  [default: 8000]")
@options.as_json
def self_check(data: str | None, as_json: bool, **address: str | None) -> None:
    """Check whether this installation can run here: program, SQLite, data folder, space, address.

    Changes nothing. Exit status: 1 if there is a problem; warnings alone are 0.
    """
    found = list(check_installation(settings_module.load(None, data=data, **address)))
    problem = any(each.state == "problem" for each in found)
    if as_json:
        click.echo(json.dumps({"ok": not problem, "findings": [asdict(each) for each in found]}))
    else:
        for finding in found:
            show_finding(finding)
    if problem:
        sys.exit(1)
