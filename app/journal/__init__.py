"""The journal: every change of a contact, in order, for whoever needs to know."""

from flask import Flask

from app.journal import routes
from app.journal.waiting import WaitingRoom


def register(app: Flask, *, threads: int) -> None:
    app.extensions["waiting_room"] = WaitingRoom(
        seats=threads // 2, closed=app.extensions["stopping"]
    )
    app.register_blueprint(routes.blueprint)
