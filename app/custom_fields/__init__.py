"""Custom fields over all contacts: listed, pinned to a type, deleted."""

from flask import Flask

from app.custom_fields import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
