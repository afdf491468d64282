"""Custom fields of all contacts: list, pin to a type, delete."""

from flask import Flask

from app.custom_fields import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
