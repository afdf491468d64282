"""How to talk to a database; knows no feature."""

from app.database.connection import Connection
from app.database.sqlite import Database

__all__ = ["Connection", "Database"]
