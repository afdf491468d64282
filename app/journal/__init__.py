"""The journal: an event for every change of a contact, in commit order."""

from flask import Flask

from app.journal import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
