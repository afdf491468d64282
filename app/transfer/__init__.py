"""Import and export of contacts as files."""

from flask import Flask

from app.transfer import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
