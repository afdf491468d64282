"""SQL of tags, and of the sweeps that rename or delete them."""

from collections.abc import Sequence

from app.database import Connection
from app.tags.model import Sweep, Tag


def list_tags(db: Connection, *, limit: int, offset: int) -> list[Tag]:
    """Return a page of tags, ordered by name."""
    rows = db.execute(
        """
        SELECT id, name, contacts
        FROM tags
        ORDER BY name
        LIMIT :limit OFFSET :offset
        """,
        {"limit": limit, "offset": offset},
    )
    return [Tag(*row) for row in rows]


def count_tags(db: Connection) -> int:
    [(count,)] = db.execute("SELECT value FROM counters WHERE name = 'tags'")
    return int(count)


def find_tag(db: Connection, name: str) -> Tag | None:
    rows = db.execute("SELECT id, name, contacts FROM tags WHERE name = :name", {"name": name})
    return Tag(*rows[0]) if rows else None


def list_sweeps(db: Connection) -> list[Sweep]:
    """Return all unfinished sweeps: those that run, and those that were interrupted."""
    rows = db.execute("SELECT tag_id, name, new_name, position, last, actor FROM tag_sweeps")
    return [Sweep(*row) for row in rows]


def find_sweep(db: Connection, tag_id: int) -> Sweep | None:
    rows = db.execute(
        """
        SELECT tag_id, name, new_name, position, last, actor
        FROM tag_sweeps
        WHERE tag_id = :tag_id
        """,
        {"tag_id": tag_id},
    )
    return Sweep(*rows[0]) if rows else None


def insert_sweep(db: Connection, tag: Tag, new_name: str | None, actor: str | None) -> None:
    db.change(
        """
        INSERT INTO tag_sweeps (tag_id, name, new_name, position, last, actor)
        VALUES (:tag_id, :name, :new_name, 0, (SELECT max(id) FROM contacts), :actor)
        """,
        {"tag_id": tag.id, "name": tag.name, "new_name": new_name, "actor": actor},
    )


def delete_sweep(db: Connection, sweep: Sweep) -> None:
    db.change("DELETE FROM tag_sweeps WHERE tag_id = :tag_id", {"tag_id": sweep.tag_id})


def next_contacts(db: Connection, sweep: Sweep, size: int) -> list[int]:
    """Return the row ids of the next contacts to change, at most `size`."""
    rows = db.execute(
        """
        SELECT contact_id
        FROM contact_tags
        WHERE tag_id = :tag_id
            AND contact_id > :position
            AND contact_id <= :last
        ORDER BY contact_id
        LIMIT :size
        """,
        {
            "tag_id": sweep.tag_id,
            "position": sweep.position,
            "last": sweep.last,
            "size": size,
        },
    )
    return [id for (id,) in rows]


def move_links(db: Connection, sweep: Sweep, ids: Sequence[int]) -> None:
    """Move the index rows of the next contacts to the new tag, if any, and advance the position."""
    parameters: dict[str, object] = {
        "tag_id": sweep.tag_id,
        "position": sweep.position,
        "through": ids[-1],
    }
    if sweep.new_name is not None:
        name: dict[str, object] = {"name": sweep.new_name}
        db.change("INSERT INTO tags (name) VALUES (:name) ON CONFLICT DO NOTHING", name)
        db.change(
            f"""
            INSERT INTO contact_tags (tag_id, contact_id)
            SELECT (SELECT id FROM tags WHERE name = :name), contact_id
            FROM contact_tags
            WHERE {_NEXT}
            ON CONFLICT DO NOTHING
            """,
            parameters | name,
        )
    db.change(
        "UPDATE tag_sweeps SET position = :through WHERE tag_id = :tag_id",
        {"tag_id": sweep.tag_id, "through": ids[-1]},
    )
    db.change(f"DELETE FROM contact_tags WHERE {_NEXT}", parameters)


_NEXT = "tag_id = :tag_id AND contact_id > :position AND contact_id <= :through"
