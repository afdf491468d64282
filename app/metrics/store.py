"""The counters that the database maintains."""

from app.database import Connection


def list_counters(db: Connection) -> dict[str, int]:
    """Return the numbers of contacts, tags and custom fields."""
    rows = db.execute(
        """
        SELECT name, value
        FROM counters
        WHERE name IN ('contacts', 'tags', 'custom_fields')
        ORDER BY name
        """
    )
    return {name: int(value) for name, value in rows}
