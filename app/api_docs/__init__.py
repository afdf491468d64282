"""The OpenAPI document at `/openapi.json`, and the page at `/docs` that shows it."""

from flask import Flask

from app.api_docs import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
