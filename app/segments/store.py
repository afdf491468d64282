"""SQL of segments and of who is in them."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from app.database import Connection
from app.segments.model import Segment

_COLUMNS = "id, name, filter, contacts, position, notify, created_at, updated_at"


def _segment(*row: Any) -> Segment:
    id, name, filter, contacts, position, notify, created_at, updated_at = row
    return Segment(id, name, filter, contacts, position, bool(notify), created_at, updated_at)


def list_segments(db: Connection, *, limit: int = 2**31 - 1, offset: int = 0) -> list[Segment]:
    """Return a page of segments, ordered by name."""
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM segments
        WHERE name IS NOT NULL
        ORDER BY name
        LIMIT :limit OFFSET :offset
        """,
        {"limit": limit, "offset": offset},
    )
    return [_segment(*row) for row in rows]


def count_segments(db: Connection) -> int:
    [(count,)] = db.execute("SELECT count(*) FROM segments WHERE name IS NOT NULL")
    return int(count)


def find_segment(db: Connection, name: str) -> Segment | None:
    rows = db.execute(f"SELECT {_COLUMNS} FROM segments WHERE name = :name", {"name": name})
    return _segment(*rows[0]) if rows else None


def find_by_id(db: Connection, id: int) -> Segment | None:
    """Return a segment that is not deleted."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM segments WHERE id = :id AND name IS NOT NULL", {"id": id}
    )
    return _segment(*rows[0]) if rows else None


def last_contact(db: Connection) -> int:
    """Return the newest row id of a contact, 0 where there is none."""
    [(id,)] = db.execute("SELECT coalesce(max(id), 0) FROM contacts")
    return int(id)


def insert_segment(db: Connection, name: str, filter: str, *, notify: bool, now: str) -> None:
    """Store a new segment, which is to be built."""
    db.change(
        """
        INSERT INTO segments (name, filter, position, notify, created_at, updated_at)
        VALUES (:name, :filter, 0, :notify, :now, :now)
        """,
        {"name": name, "filter": filter, "notify": int(notify), "now": now},
    )


def update_filter(db: Connection, id: int, filter: str, now: str) -> None:
    db.change(
        "UPDATE segments SET filter = :filter, updated_at = :now WHERE id = :id",
        {"id": id, "filter": filter, "now": now},
    )


def begin_build(db: Connection, id: int, *, notify: bool) -> None:
    db.change(
        "UPDATE segments SET position = 0, notify = :notify WHERE id = :id",
        {"id": id, "notify": int(notify)},
    )


def set_position(db: Connection, id: int, position: int | None) -> None:
    db.change(
        "UPDATE segments SET position = :position WHERE id = :id", {"id": id, "position": position}
    )


def delete_segment(db: Connection, id: int) -> None:
    """Take the name of a segment, and what it says of people; its rows are removed afterwards."""
    db.change("UPDATE segments SET name = NULL, filter = '' WHERE id = :id", {"id": id})


def list_unfinished(db: Connection) -> list[tuple[int, bool]]:
    """Return the ids of segments that are built or removed, and whether they are removed."""
    rows = db.execute("SELECT id, name IS NULL FROM segments WHERE position >= 0 OR name IS NULL")
    return [(id, bool(is_deleted)) for id, is_deleted in rows]


def remove_rows(db: Connection, id: int, most: int) -> bool:
    """Remove rows of a deleted segment, at last the segment; return whether nothing is left."""
    for table in ("segment_members", "segment_moments"):
        removed = db.change(
            f"""
            DELETE FROM {table}
            WHERE segment_id = :id
                AND contact_id IN (
                    SELECT contact_id FROM {table} WHERE segment_id = :id LIMIT :most
                )
            """,
            {"id": id, "most": most},
        )
        if removed:
            return False
    db.change("DELETE FROM segments WHERE id = :id", {"id": id})
    return True


def read_version(db: Connection) -> int:
    [(version,)] = db.execute("SELECT value FROM counters WHERE name = 'segments_version'")
    return int(version)


def change_version(db: Connection) -> None:
    """Make every process read the segments again, also after a store was replaced by an older."""
    db.change(
        "UPDATE counters SET value = :version WHERE name = 'segments_version'",
        {"version": secrets.randbits(62)},
    )


def enter(db: Connection, id: int, contact_id: int) -> bool:
    """Return whether the contact was not in the segment before."""
    return bool(
        db.change(
            """
            INSERT INTO segment_members (segment_id, contact_id)
            VALUES (:id, :contact_id)
            ON CONFLICT DO NOTHING
            """,
            {"id": id, "contact_id": contact_id},
        )
    )


def leave(db: Connection, id: int, contact_id: int) -> bool:
    """Return whether the contact was in the segment before."""
    return bool(
        db.change(
            "DELETE FROM segment_members WHERE segment_id = :id AND contact_id = :contact_id",
            {"id": id, "contact_id": contact_id},
        )
    )


def add_counts(db: Connection, counts: Mapping[int, int]) -> None:
    """Add to the numbers of contacts, by segment."""
    rows = [(count, id) for id, count in sorted(counts.items()) if count]
    db.change_many("UPDATE segments SET contacts = contacts + ? WHERE id = ?", rows)


def members_between(db: Connection, id: int, after: int, through: int) -> set[int]:
    rows = db.execute(
        """
        SELECT contact_id
        FROM segment_members
        WHERE segment_id = :id
            AND contact_id > :after
            AND contact_id <= :through
        """,
        {"id": id, "after": after, "through": through},
    )
    return {contact_id for (contact_id,) in rows}


def count_members(db: Connection, id: int) -> int:
    """Return how many rows a segment has, those of contacts that are gone included."""
    [(count,)] = db.execute(
        "SELECT count(*) FROM segment_members WHERE segment_id = :id", {"id": id}
    )
    return int(count)


def clear_members(db: Connection, id: int) -> None:
    """Remove all rows of a segment, which is to be built again."""
    for table in ("segment_members", "segment_moments"):
        db.change(f"DELETE FROM {table} WHERE segment_id = :id", {"id": id})
    db.change("UPDATE segments SET contacts = 0 WHERE id = :id", {"id": id})


def pending_renames(db: Connection) -> dict[str, str]:
    """Return the new names of tags that a sweep is replacing, by the old ones."""
    rows = db.execute("SELECT name, new_name FROM tag_sweeps WHERE new_name IS NOT NULL")
    return dict(rows)


def is_carried(db: Connection, tag: str) -> bool:
    """Return whether a contact has a tag."""
    return bool(db.execute("SELECT 1 FROM tags WHERE name = :tag AND contacts > 0", {"tag": tag}))


def set_moments(db: Connection, moments: Sequence[tuple[int, int, int]]) -> None:
    """Store when contacts are to be looked at again: (segment, contact, Unix seconds)."""
    db.insert_many(
        "INSERT INTO segment_moments (segment_id, contact_id, at)",
        moments,
        "ON CONFLICT (segment_id, contact_id) DO UPDATE SET at = excluded.at",
    )


def add_moments(db: Connection, moments: Sequence[tuple[int, int, int]]) -> None:
    """Store moments as `set_moments` does, but keep earlier ones: a contact may have changed."""
    db.insert_many(
        "INSERT INTO segment_moments (segment_id, contact_id, at)",
        moments,
        """
        ON CONFLICT (segment_id, contact_id) DO UPDATE SET at = excluded.at
        WHERE excluded.at < segment_moments.at
        """,
    )


def clear_moments(db: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Remove the moments of (segment, contact)."""
    db.change_many("DELETE FROM segment_moments WHERE segment_id = ? AND contact_id = ?", pairs)


def due_moments(db: Connection, *, now: int, most: int) -> list[tuple[int, int]]:
    """Return (segment, contact) whose moment has come, the oldest first."""
    return db.execute(
        """
        SELECT segment_id, contact_id
        FROM segment_moments
        WHERE at <= :now
        ORDER BY at
        LIMIT :most
        """,
        {"now": now, "most": most},
    )
