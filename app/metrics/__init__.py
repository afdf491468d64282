"""What monitoring asks: counts and sizes of the service, over all of its processes."""

from flask import Flask

from app.metrics import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
