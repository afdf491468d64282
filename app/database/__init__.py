"""How to talk to a database; knows no feature."""

from app.database.connection import SQLITE_VERSION, Connection
from app.database.locks import sole_lock
from app.database.store import Database, note_erasure

__all__ = ["SQLITE_VERSION", "Connection", "Database", "note_erasure", "sole_lock"]
