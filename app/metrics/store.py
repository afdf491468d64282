"""What the database itself counts."""

from app.database import Connection


def list_counters(db: Connection) -> dict[str, int]:
    """Return how many contacts, tags and custom fields there are."""
    rows = db.execute(
        """
        SELECT name, value
        FROM counters
        WHERE name IN ('contacts', 'tags', 'custom_fields')
        ORDER BY name
        """
    )
    return {name: int(value) for name, value in rows}
