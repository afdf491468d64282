"""The plain list: all contacts, or those of one tag, oldest first."""

from app.database import Connection
from app.search.views import view


def list_contacts(
    db: Connection, *, tag: str | None, limit: int, offset: int, include: frozenset[str]
) -> tuple[str, int]:
    """Return a page of contacts, oldest first, as the inside of a JSON array, and the total."""
    # One statement sees one state of the store; one row, since threads contend for the
    # interpreter again at each row. It skips over a narrow index, from the nearer end.
    ids, total = (_IDS, _TOTAL) if tag is None else (_IDS_OF_TAG, _TOTAL_OF_TAG)
    [(page, count)] = db.execute(
        f"""
        WITH counted (total) AS MATERIALIZED (SELECT coalesce(({total}), 0))
        SELECT group_concat(view), (SELECT total FROM counted)
        FROM (
            SELECT {view(include)} AS view
            FROM contacts
            WHERE id IN (
                SELECT id FROM ({ids} LIMIT ({_FROM_START}) OFFSET :offset)
                UNION ALL
                SELECT id FROM ({ids} DESC LIMIT ({_FROM_END}) OFFSET ({_BEHIND}))
            )
            ORDER BY id
        )
        """,
        {"tag": tag, "limit": limit, "offset": offset},
    )
    return page or "", count


_TOTAL = "SELECT value FROM counters WHERE name = 'contacts'"
_TOTAL_OF_TAG = "SELECT contacts FROM tags WHERE name = :tag"
_IDS = "SELECT id FROM contacts INDEXED BY contacts_by_id ORDER BY id"
_IDS_OF_TAG = """
    SELECT contact_id AS id
    FROM contact_tags
    WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
    ORDER BY contact_id
"""
_FROM_START = "SELECT iif(:offset * 2 <= total, :limit, 0) FROM counted"
_FROM_END = """
    SELECT iif(:offset * 2 <= total, 0, max(0, min(:limit, total - :offset))) FROM counted
"""
_BEHIND = "SELECT max(0, total - :offset - :limit) FROM counted"
