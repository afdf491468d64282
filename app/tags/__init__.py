"""Tags of all contacts: list, rename, merge, delete."""

from flask import Flask

from app.tags import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
