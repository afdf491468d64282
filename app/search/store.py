"""Reads of searches beside the planner's: the documented list, and the kinds of fields."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.database import Connection
from app.search.views import MAX_PAGE_BYTES, VIEW_BYTES, page_too_large, view, view_within


@dataclass(frozen=True)
class FieldKind:
    """What a custom field holds: its pinned type, and how many values it has of each type."""

    required_type: str | None = None
    texts: int = 0
    numbers: int = 0
    booleans: int = 0

    def only(self, name: str) -> bool:
        """Return whether all values, at least one, are of a type."""
        found = {each for each in ("texts", "numbers", "booleans") if getattr(self, each)}
        return found == {name}


def find_kinds(db: Connection, keys: Iterable[str]) -> dict[str, FieldKind]:
    rows = db.execute(
        """
        SELECT key, required_type, strings, numbers, booleans
        FROM custom_fields
        WHERE key IN (SELECT value FROM json_each(:keys))
        """,
        {"keys": json.dumps(list(keys))},
    )
    return {key: FieldKind(*kind) for key, *kind in rows}


def segment_exists(db: Connection, name: str) -> bool:
    return bool(db.execute("SELECT 1 FROM segments WHERE name = :name", {"name": name}))


def find_segments(db: Connection, phone: str, names: Iterable[str]) -> list[str]:
    """Return those of the named segments that the contact of a phone is in, sorted."""
    rows = db.execute(
        """
        SELECT name
        FROM segments
        WHERE name IN (SELECT value FROM json_each(:names))
            AND EXISTS (
                SELECT 1
                FROM segment_members
                WHERE segment_id = segments.id
                    AND contact_id = (SELECT id FROM contacts WHERE phone = :phone)
            )
        ORDER BY name
        """,
        {"phone": phone, "names": json.dumps(list(names))},
    )
    return [name for (name,) in rows]


def list_contacts(
    db: Connection, *, tag: str | None, limit: int, offset: int, include: frozenset[str]
) -> tuple[str, int]:
    """Return a page of contacts, as the inside of a JSON array, and the total.

    Raises `InvalidInput` where the page exceeds `MAX_PAGE_BYTES`.
    """
    page: dict[str, object] = {"tag": tag, "limit": limit, "offset": offset}
    share = MAX_PAGE_BYTES // limit
    views, large, total = _aggregate(db, "group_concat", view_within(share, include), page)
    if large:  # The page as a whole can still be small enough.
        size, _, _ = _aggregate(db, "sum", VIEW_BYTES, page)
        if size > MAX_PAGE_BYTES:
            raise page_too_large()
        views, _, total = _aggregate(db, "group_concat", view(include), page)
    return views or "", total


def _aggregate(
    db: Connection, function: str, column: str, page: Mapping[str, object]
) -> tuple[Any, int, int]:
    """Aggregate a column over a page; return the value, the count of NULLs, and the total.

    One statement sees one state of the store. It returns one row, since threads contend for the
    interpreter again at each row. It skips over a narrow index, from the nearer end.
    """
    [(value, nulls, count)] = db.execute(_sql(page["tag"] is not None, function, column), page)
    return value, nulls, count


@lru_cache(maxsize=64)
def _sql(is_of_tag: bool, function: str, column: str) -> str:
    ids, total = (_IDS_OF_TAG, _TOTAL_OF_TAG) if is_of_tag else (_IDS, _TOTAL)
    return f"""
        WITH counted (total) AS MATERIALIZED (SELECT coalesce(({total}), 0))
        SELECT {function}(shown), count(*) - count(shown), (SELECT total FROM counted)
        FROM (
            SELECT {column} AS shown
            FROM contacts
            WHERE id IN /* array */ (
                SELECT id FROM ({ids} LIMIT ({_FROM_START}) OFFSET :offset) AS a
                UNION ALL
                SELECT id FROM ({ids} DESC LIMIT ({_FROM_END}) OFFSET ({_BEHIND})) AS b
            ) /* end */
            ORDER BY id
        ) AS page
    """


_TOTAL = "SELECT value FROM counters WHERE name = 'contacts'"
_TOTAL_OF_TAG = "SELECT contacts FROM tags WHERE name = :tag"
_IDS = "SELECT id FROM contacts INDEXED BY contacts_by_id ORDER BY id"
_IDS_OF_TAG = """
    SELECT contact_id AS id
    FROM contact_tags
    WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
    ORDER BY contact_id
"""
_FROM_START = "SELECT CASE WHEN :offset * 2 <= total THEN :limit ELSE 0 END FROM counted"
_FROM_END = """
    SELECT CASE
        WHEN :offset * 2 <= total OR :offset >= total THEN 0
        WHEN :limit < total - :offset THEN :limit
        ELSE total - :offset
    END
    FROM counted
"""
_BEHIND = """
    SELECT CASE WHEN total > :offset + :limit THEN total - :offset - :limit ELSE 0 END FROM counted
"""
