"""What every HTTP feature shares; knows no feature."""

from flask import Flask

from app.web import health, responses


def register(app: Flask) -> None:
    responses.register(app)
    app.register_blueprint(health.blueprint)
