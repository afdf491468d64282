"""How to talk to a database; knows no feature."""

from app.database.sqlite import Connection, Database

__all__ = ["Connection", "Database"]
