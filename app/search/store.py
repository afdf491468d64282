"""The list that the vendor documents: all contacts, or those with one tag, oldest first."""

from app.database import Connection
from app.search.views import MAX_PAGE_BYTES, page_too_large, view_bytes, view_within


def list_contacts(
    db: Connection, *, tag: str | None, limit: int, offset: int, include: frozenset[str]
) -> tuple[str, int]:
    """Return a page of contacts, as the inside of a JSON array, and the total.

    Raises `InvalidInput` where the page exceeds `MAX_PAGE_BYTES`.
    """
    page, total, size = _read_page(db, tag, limit, offset, include, MAX_PAGE_BYTES // limit)
    if page is None and size <= MAX_PAGE_BYTES:  # One large contact among small ones.
        page, total, _ = _read_page(db, tag, limit, offset, include, MAX_PAGE_BYTES)
    if page is None:
        raise page_too_large()
    return page, total


def _read_page(
    db: Connection, tag: str | None, limit: int, offset: int, include: frozenset[str], share: int
) -> tuple[str | None, int, int]:
    """Return the page, the total and the bytes; no page if a contact exceeds its `share`."""
    # One statement sees one state of the store; one row, since threads contend for the
    # interpreter again at each row. It skips over a narrow index, from the nearer end.
    ids, total = (_IDS, _TOTAL) if tag is None else (_IDS_OF_TAG, _TOTAL_OF_TAG)
    [(views, missing, count, size)] = db.execute(
        f"""
        WITH counted (total) AS MATERIALIZED (SELECT coalesce(({total}), 0))
        SELECT
            coalesce(group_concat(view), ''),
            count(*) - count(view),
            (SELECT total FROM counted),
            coalesce(sum(size), 0)
        FROM (
            SELECT {view_within(share, include)} AS view, {view_bytes(include)} AS size
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
    return None if missing else views, count, size


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
