"""Options that several commands share."""

import click

data = click.option("--data", help="Folder that holds everything the service stores.")
