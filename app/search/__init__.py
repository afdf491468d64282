"""Lists, searches and matches of contacts: the grammar of filters, from text to SQL."""

from flask import Flask

from app.search import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
