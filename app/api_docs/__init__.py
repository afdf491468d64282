"""How the API describes itself: `/openapi.json`, and `/docs` to read and try it."""

from flask import Flask

from app.api_docs import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
