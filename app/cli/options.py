"""Options that several commands share, and the settings that they give."""

import re
import shlex
import sys
from datetime import timedelta
from pathlib import Path

import click

from app import settings as settings_module
from app.errors import StartError
from app.settings import Settings

data = click.option("--data", help="Folder that holds everything the service stores.")
quiet = click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def program() -> str:
    """Return the program as the user called it: in a checkout it is not on the PATH."""
    return shlex.quote(sys.argv[0] if Path(sys.argv[0]).name.startswith("contacts") else "contacts")


def settings_of_store(data: str | None) -> Settings:
    """Load the settings. Raises `StartError` where the data folder has no store yet."""
    settings = settings_module.load(data=data)
    if not settings.database_url and not settings.database.exists():
        raise StartError(
            f"there is no store in {settings.data}: name another folder with --data, "
            "or create a store with contacts serve or contacts keys create"
        )
    return settings


def settings_of_file(data: str | None, instead: str) -> Settings:
    """Load the settings of a store that is a file. Raises `StartError` for another one."""
    settings = settings_module.load(data=data)
    if settings.database_url:
        raise StartError(f"the store is in PostgreSQL: {instead}")
    return settings_of_store(data)


class Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: object, *_: object) -> timedelta:
        match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", str(value))
        if not match:
            self.fail("must be a number and s, m, h or d, such as 90d")
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
