"""`contacts check`: compares a server with `docs/fidelity.md`."""

import json
import sys
from collections import Counter
from dataclasses import asdict

import click

from app.cli import options


@click.command()
@click.option("--against", "url", required=True, help="Base URL, such as https://api.example.com.")
@click.option(
    "--key", required=True, envvar="API_KEY", help="API key of that server.  [default: API_KEY]"
)
@click.option("--write", is_flag=True, help="Also write one test contact, +1 202 555 0199.")
@options.as_json
def check(url: str, key: str, write: bool, as_json: bool) -> None:
    """Compare a server with docs/fidelity.md. Without --write it only reads.

    The exit status is 1 if the server differs, 2 if it cannot be reached or rejects the key.
    """
    from app.conformance import read_checks, write_checks
    from app.conformance.api import Api
    from app.conformance.check import Finding, run

    api = Api(url, key)
    api.check_key()
    if write:
        write_checks.refuse_to_touch(api)
    found: list[Finding] = []
    try:
        for finding in run(read_checks.CHECKS + (write_checks.CHECKS if write else []), api):
            found.append(finding)
            if not as_json:
                _print(finding)
    finally:
        left = write and not write_checks.clean_up(api)
    if left:
        click.echo(f"The test contact cnt_{write_checks.PHONE} is still there.", err=True)
    counts = Counter(each.state for each in found)
    if as_json:
        report = {"ok": not counts["differs"], "findings": [asdict(each) for each in found]}
        click.echo(json.dumps(report))
    else:
        click.echo(
            f"{counts['same']} the same, {counts['differs']} different, {counts['skipped']} skipped"
        )
    if counts["differs"]:
        sys.exit(1)


def _print(finding: object) -> None:
    name, ground, state, text = vars(finding).values()
    click.echo(f"{state:8} {name} ({ground})" + (f": {text}" if text else ""))
