"""The URL of a PostgreSQL database, without its secrets where people see it."""

from psycopg.conninfo import conninfo_to_dict


def shown(url: str) -> str:
    """Return where a database is, for messages: no password and no key."""
    parts = conninfo_to_dict(url)
    host = parts.get("host") or parts.get("hostaddr") or "localhost"
    port = f":{parts['port']}" if parts.get("port") else ""
    user = f"{parts['user']}@" if parts.get("user") else ""
    return f"postgresql://{user}{host}{port}/{parts.get('dbname') or parts.get('user') or ''}"
