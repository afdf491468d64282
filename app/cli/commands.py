"""All commands of `contacts`, and how their errors are shown."""

import gc
import platform
from collections import UserDict
from pkgutil import resolve_name
from typing import Any

import click

from app.collector import collect_rarely
from app.database.sqlite.connection import SQLITE_VERSION
from app.errors import ServiceError, StartError
from app.version import VERSION, commit


class _Commands(UserDict[str, Any]):
    """Imports a command when it is asked for: each needs other parts of the program."""

    def __getitem__(self, name: str) -> Any:
        gc.disable()  # Nothing that modules make is garbage.
        try:
            return resolve_name(f"app.cli.{self.data[name]}")
        finally:
            collect_rarely()


_COMMANDS = _Commands(
    {
        "backup": "backup:backup",
        "check": "check:check",
        "copy": "copy:copy",
        "doctor": "doctor:doctor",
        "export": "export:export",
        "import": "import_:import_",
        "keys": "keys:keys",
        "openapi": "openapi:openapi",
        "ready": "ready:ready",
        "restore": "backup:restore",
        "restored": "restored:restored",
        "segments": "segments:segments",
        "self-check": "self_check:self_check",
        "serve": "serve:serve",
        "webhooks": "webhooks:webhooks",
    }
)


@click.group(commands=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, given: _print_version(context) if given else None,
    help="Show the version of the program, Python and SQLite.",
)
def cli() -> None:
    """A self-hosted contacts service.

    Start it with `contacts serve`. Create API keys with `contacts keys create`.
    """


def _print_version(context: click.Context) -> None:
    click.echo(
        f"contacts, version {VERSION} (commit {commit()}), "
        f"Python {platform.python_version()}, SQLite {SQLITE_VERSION}"
    )
    context.exit()


def run() -> int | None:
    """Run the command of `sys.argv` and return its exit status; an error is one line and 2.

    Raises `KeyboardInterrupt` when a signal or the answer to a question stops the command.
    """
    try:
        status: int | None = cli.main(standalone_mode=False)
        return status
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        message = error.format_message()
    except StartError as error:
        message = str(error)
    except ServiceError as error:
        message = error.message
    except OSError as error:
        message = f"cannot write the output: {error.strerror}"
    click.echo(f"contacts: {message}", err=True)
    return 2
