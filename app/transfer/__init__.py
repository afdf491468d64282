"""Many contacts in and out of the store, as files."""

import threading

from flask import Flask

from app.transfer import routes


def register(app: Flask, *, threads: int) -> None:
    app.extensions["transfer_seats"] = threading.Semaphore(max(1, threads - 1))
    app.register_blueprint(routes.blueprint)
