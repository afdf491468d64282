"""Options that several commands share."""

from pathlib import Path

import click

data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that holds everything the service stores.",
)
