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
    sql = _sql(page["tag"] is not None, page["offset"] == 0, function, column)
    [(value, nulls, count)] = db.execute(sql, page)
    return value, nulls, count


@lru_cache(maxsize=64)
def _sql(is_of_tag: bool, is_first: bool, function: str, column: str) -> str:
    """Return the statement for a page; the first one need not look for where it begins."""
    listed, ids, id = _OF_TAG if is_of_tag else _ALL
    if is_first:
        parts = f"listed (tag_id, total) AS NOT MATERIALIZED ({listed})"
    else:
        parts = f"listed (tag_id, total) AS MATERIALIZED ({listed}), {_first(ids)}"
        ids += f" AND {id} >= (SELECT id FROM first)"
    return f"""
        WITH {parts}
        SELECT {function}(shown), count(*) - count(shown), coalesce((SELECT total FROM listed), 0)
        FROM (
            SELECT {column} AS shown
            FROM ({ids} ORDER BY id LIMIT :limit) AS page
            CROSS JOIN contacts ON contacts.id = page.id
        ) AS views
    """


def _first(ids: str) -> str:
    """Return the part of a statement that finds where its page begins."""
    return f"""
        first (id) AS MATERIALIZED (
            SELECT CASE
                WHEN :offset * 2 <= total THEN ({ids} ORDER BY id LIMIT 1 OFFSET :offset)
                WHEN :offset < total THEN (
                    {ids} ORDER BY id DESC LIMIT 1 OFFSET (SELECT total - 1 - :offset FROM listed)
                )
            END
            FROM listed
        )
    """


# What is listed, with its total; the row ids of its contacts; the column that has them.
_ALL = (
    "SELECT NULL, value FROM counters WHERE name = 'contacts'",
    "SELECT id FROM contacts INDEXED BY contacts_by_id WHERE TRUE",
    "id",
)
_OF_TAG = (
    "SELECT id, contacts FROM tags WHERE name = :tag",
    "SELECT contact_id AS id FROM contact_tags WHERE tag_id = (SELECT tag_id FROM listed)",
    "contact_id",
)
