"""The console at `/`: a page that shows and changes contacts, as a client of the public API."""

from flask import Flask

from app.console import routes


def register(app: Flask) -> None:
    """Add the page, unless the setting `console` switches it off."""
    if routes.is_on(app):
        app.register_blueprint(routes.blueprint)
