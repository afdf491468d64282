"""Read by `gunicorn wsgi:app`: the same settings as `contacts serve`."""

import sys
from dataclasses import replace

from app.cli.serve import prepare_and_show_key, show_summary
from app.errors import StartError
from app.serving.server import address_of, gunicorn_options
from app.serving.server import when_ready as make_ready
from app.settings import load_or_exit

_settings = load_or_exit()
globals().update(gunicorn_options(_settings))


def when_ready(server):
    make_ready(server, _settings)
    now = replace(_settings, workers=server.num_workers, threads=server.cfg.threads)
    show_summary(address_of(server), now)


def on_starting(server):
    try:
        prepare_and_show_key(_settings)
    except StartError as error:
        sys.stderr.write(f"contacts: {error}\n")
        raise SystemExit(2) from None
