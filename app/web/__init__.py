"""What every HTTP feature shares; knows no feature."""

from flask import Flask

from app.web import health, responses
from app.web.converters import NameConverter


def register(app: Flask) -> None:
    app.url_map.converters["name"] = NameConverter
    responses.register(app)
    app.register_blueprint(health.blueprint)
