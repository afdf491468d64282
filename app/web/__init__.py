"""What all HTTP features share; it imports none of them."""

from flask import Flask

from app.web import health, observation, responses
from app.web.converters import NameConverter


def register(app: Flask) -> None:
    app.url_map.converters["name"] = NameConverter
    observation.register(app)
    responses.register(app)
    app.register_blueprint(health.blueprint)
