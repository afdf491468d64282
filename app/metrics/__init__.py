"""Metrics of the service for monitoring, over all of its processes."""

from flask import Flask

from app.metrics import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
