"""All commands of `contacts`, and how their errors are shown."""

import platform

import click

from app.cli.backup import backup, restore
from app.cli.check import check
from app.cli.doctor import doctor
from app.cli.export import export
from app.cli.import_ import import_
from app.cli.keys import keys
from app.cli.openapi import openapi
from app.cli.ready import ready
from app.cli.self_check import self_check
from app.cli.serve import serve
from app.cli.webhooks import webhooks
from app.database.sqlite.connection import SQLITE_VERSION
from app.errors import ServiceError, StartError
from app.version import VERSION, commit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


cli.add_command(serve)
cli.add_command(keys)
cli.add_command(openapi)
cli.add_command(webhooks)
cli.add_command(import_)
cli.add_command(export)
cli.add_command(backup)
cli.add_command(restore)
cli.add_command(doctor)
cli.add_command(self_check)
cli.add_command(ready)
cli.add_command(check)


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
