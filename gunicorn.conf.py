"""What `gunicorn wsgi:app` reads by itself: the same settings as `contacts serve`."""

from app.cli.serve import prepare_aloud
from app.errors import StartError
from app.server import gunicorn_options
from app.settings import load

try:
    _settings = load()
except StartError as error:
    raise SystemExit(f"contacts: {error}") from None
globals().update(gunicorn_options(_settings))


def on_starting(server):
    try:
        prepare_aloud(_settings)
    except StartError as error:
        raise SystemExit(f"contacts: {error}") from None
