"""Tags over all contacts: listed, renamed, merged, deleted."""

from flask import Flask

from app.tags import routes


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
