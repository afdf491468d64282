"""API keys: who may call the service, and for what."""

from flask import Flask

from app.api_keys import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
