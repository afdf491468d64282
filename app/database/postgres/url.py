"""The URL of a PostgreSQL database, without its secrets where people see it."""

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from app.errors import StartError


def shown(url: str) -> str:
    """Return where a database is, for messages: no password and no key.

    Raises `StartError`, without a part of the URL, where it cannot be read. A password with a
    character that must be encoded looks like a host, a port or a name.
    """
    try:
        parts = {name: str(text) for name, text in conninfo_to_dict(url).items() if text}
    except ProgrammingError:
        parts = {"port": "unknown"}
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    ports, name = parts.get("port", ""), parts.get("dbname") or parts.get("user", "")
    if ports.strip("0123456789,") or "@" in host + name:
        raise StartError(
            "the URL of the database cannot be read: check its parameters, and write special "
            "characters of its password as %2F for / and %40 for @"
        )
    port = f":{ports}" if ports else ""
    user = f"{parts['user']}@" if "user" in parts else ""
    return f"postgresql://{user}{host}{port}/{name}"
