"""The console at `/`: a page that shows and changes contacts, as a client of the public API."""

from flask import Flask

from app.console import routes
from app.web.service import service_of


def register(app: Flask) -> None:
    """Add the page, unless the setting `console` switches it off."""
    if service_of(app).settings.console:
        app.register_blueprint(routes.blueprint)
