"""What `gunicorn wsgi:app` reads by itself: the same settings as `contacts serve`."""

import sys

from app.cli.serve import prepare_aloud
from app.errors import StartError
from app.server import gunicorn_options
from app.settings import load_or_exit

_settings = load_or_exit()
globals().update(gunicorn_options(_settings))


def on_starting(server):
    try:
        prepare_aloud(_settings)
    except StartError as error:
        sys.stderr.write(f"contacts: {error}\n")
        raise SystemExit(2) from None
