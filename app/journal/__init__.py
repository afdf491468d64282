"""The journal: every change of a contact, in order, for whoever needs to know."""

from flask import Flask

from app.journal import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
