"""What all HTTP features share; it imports none of them."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.web import cors, health, observation, responses
from app.web.converters import NameConverter


class Application(Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # All views are synchronous; looking that up at each call takes time.


def register(app: Flask) -> None:
    app.url_map.converters["name"] = NameConverter
    observation.register(app)
    responses.register(app)
    cors.register(app)
    app.register_blueprint(health.blueprint)
