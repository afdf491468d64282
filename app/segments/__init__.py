"""Segments: saved filters. A write that moves a contact in or out appends an event."""

from flask import Flask

from app.contacts.listeners import listen
from app.segments import routes
from app.segments.follower import Follower


def register(app: Flask) -> None:
    app.register_blueprint(routes.blueprint)
    follow()


def follow() -> None:
    """Let segments follow every change of contacts that this process makes."""
    listen(Follower())
