"""Serves the files of the console, which are public: the page has no data of its own."""

from pathlib import Path

from flask import Blueprint, Response

from app.errors import NotFound
from app.web.pages import static_file

blueprint = Blueprint("console", __name__)

FOLDER = Path(__file__).parent / "static"
PAGE = FOLDER / "index.html"
FILES = frozenset(path.name for path in FOLDER.iterdir() if path.suffix in (".js", ".css", ".svg"))


@blueprint.get("/")
def get_console() -> Response:
    return static_file(PAGE)


@blueprint.get("/console/<file>")
def get_console_file(file: str) -> Response:
    if file not in FILES:
        raise NotFound("The console has no such file: open /.")
    return static_file(FOLDER / file)
