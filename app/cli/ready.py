"""`contacts ready`: ask the server on this machine whether it can write, for a health check."""

import http.client
import sys

import click

from app import settings as settings_module

SECONDS = 5.0


@click.command()
@click.option("--host", help="Address that the server listens on.  [default: 127.0.0.1]")
@click.option("--port", help="Port that it listens on.  [default: 8000]")
def ready(**address: str | None) -> None:
    """Ask the server on this machine whether it can write: its /readyz.

    Exit status: 0 if it can, 1 if it cannot or does not answer within 5 s.
    """
    settings = settings_module.load(**address)
    # What listens on every address answers on the loopback one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"not ready: {host}:{settings.port} does not answer: {error}", err=True)
        sys.exit(1)
    finally:
        connection.close()
    if status != 200:
        click.echo(f"not ready: /readyz answers {status}", err=True)
        sys.exit(1)
    click.echo("ready")
