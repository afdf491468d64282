"""Contacts by phone number: create, update, read, delete, merge."""

from flask import Flask

from app.contacts import batch_routes, history_routes, phone_routes, routes
from app.contacts.converters import ContactConverter


def register(app: Flask) -> None:
    app.url_map.converters["contact"] = ContactConverter
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(batch_routes.blueprint)
    app.register_blueprint(phone_routes.blueprint)
    app.register_blueprint(history_routes.blueprint)
