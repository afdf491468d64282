"""`contacts openapi`: print the description of the API."""

import click

from app import settings as settings_module


@click.command()
def openapi() -> None:
    """Print the OpenAPI 3.1 document, the one at /openapi.json. No store is needed."""
    # The application takes a while to import: help and wrong options are answered without it.
    from app import create_app
    from app.api_docs.document import rendered

    click.echo(rendered(create_app(settings_module.load(), prepared=True)), nl=False)
