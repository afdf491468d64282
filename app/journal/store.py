"""The journal in the database."""

import json
from collections.abc import Collection, Sequence

from app.database import Connection
from app.journal.model import OF_SEGMENTS, Event, Subject

LARGEST_OF_MANY = 2**18  # Bytes of data: an event that has more is read alone.
_COLUMNS = f"""seq, event, timestamp, actor,
            CASE WHEN length(CAST(data AS BLOB)) <= {LARGEST_OF_MANY} THEN data ELSE '' END"""
_NAMES_SEGMENT = (
    f"(event IN ('{OF_SEGMENTS[0]}', '{OF_SEGMENTS[1]}')"
    " AND json_extract(data, '$.segment') IS NOT NULL)"
)


def insert_events(db: Connection, events: Sequence[Sequence[str | None]]) -> None:
    """Insert events, each (event, timestamp, phone, actor, data), in this order."""
    db.insert_many("INSERT INTO changes (event, timestamp, phone, actor, data)", events)


def erase_events(db: Connection, phone: str, id: str, data: str) -> None:
    """Replace the data of all events of a contact; a trigger clears their deliveries' answers.

    Events of segments go on to name them, with the `id` of the contact.
    """
    of_phone = {"phone": phone}
    names = db.execute(
        f"""
        SELECT json_extract(data, '$.segment')
        FROM changes
        WHERE phone = :phone AND {_NAMES_SEGMENT}
        """,
        of_phone,
    )
    db.change(
        f"UPDATE changes SET data = :data WHERE phone = :phone AND NOT {_NAMES_SEGMENT}",
        of_phone | {"data": data},
    )
    for (name,) in dict.fromkeys(names):
        named = json.dumps({"segment": name, "contact": {"id": id}}, ensure_ascii=False)
        # By name: on PostgreSQL the newest events have no number yet.
        db.change(
            f"""
            UPDATE changes
            SET data = :data
            WHERE phone = :phone AND {_NAMES_SEGMENT} AND json_extract(data, '$.segment') = :name
            """,
            of_phone | {"name": name, "data": named},
        )


def move_events(db: Connection, phone: str, to: str) -> None:
    """Give events another phone; a trigger moves their deliveries to that phone's queue."""
    db.change("UPDATE changes SET phone = :to WHERE phone = :phone", {"phone": phone, "to": to})


def last_seq(db: Connection) -> int:
    """Return the number of the newest event, also if it has been removed."""
    rows = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")
    return int(rows[0][0]) if rows else 0


def removed_through(db: Connection) -> int:
    """Return the number of the newest event that retention has removed."""
    [(seq,)] = db.execute("SELECT value FROM counters WHERE name = 'changes_removed'")
    return int(seq)


def list_events(db: Connection, *, after: int, most: int) -> list[Event]:
    """Return the next `most` events after a number, oldest first.

    The data of large ones is left out, as `LARGEST_OF_MANY` says: `find_event` has it.
    """
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM changes
        WHERE seq > :after
        ORDER BY seq
        LIMIT :most
        """,
        {"after": after, "most": most},
    )
    return [Event(*row) for row in rows]


def list_events_of(
    db: Connection, events: Collection[str], *, after: int, most: int, scanned: int
) -> tuple[list[Event], int]:
    """Return events of some kinds among the next `scanned`, and the number of the last scanned.

    The data of large ones is left out, as `LARGEST_OF_MANY` says: `find_event` has it.
    """
    names = {f"event{index}": event for index, event in enumerate(events)}
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM changes
        WHERE seq > :after
            AND seq <= :after + :scanned
            AND event IN ({", ".join(f":{name}" for name in names)})
        ORDER BY seq
        LIMIT :most
        """,
        {"after": after, "most": most, "scanned": scanned, **names},
    )
    found = [Event(*row) for row in rows]
    if len(found) == most:
        return found, found[-1].seq
    return found, min(after + scanned, last_seq(db))


def find_event(db: Connection, seq: int) -> Event | None:
    rows = db.execute(
        "SELECT seq, event, timestamp, actor, data FROM changes WHERE seq = :seq", {"seq": seq}
    )
    return Event(*rows[0]) if rows else None


def list_subjects(db: Connection, *, after: int, most: int) -> list[Subject]:
    """Return what the next `most` events are about, oldest first."""
    rows = db.execute(
        """
        SELECT seq, event, phone, actor
        FROM changes
        WHERE seq > :after
        ORDER BY seq
        LIMIT :most
        """,
        {"after": after, "most": most},
    )
    return [Subject(*row) for row in rows]


def changed_fields(db: Connection, seq: int) -> list[str] | None:
    """Return the names of the fields that an event changed, None if it names none."""
    rows = db.execute(
        "SELECT json_extract(data, '$.changed') FROM changes WHERE seq = :seq", {"seq": seq}
    )
    return json.loads(rows[0][0]) if rows and rows[0][0] else None


def list_history(db: Connection, phone: str, *, before: int, most: int) -> list[Event]:
    """Return the last `most` events of a contact before a number, newest first.

    The data of large ones is left out, as `LARGEST_OF_MANY` says: `find_event` has it.
    """
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM changes
        WHERE phone = :phone AND seq < :before
        ORDER BY seq DESC
        LIMIT :most
        """,
        {"phone": phone, "before": before, "most": most},
    )
    return [Event(*row) for row in rows]


def remove_events(db: Connection, before: str, most: int, through: int = 2**63 - 1) -> int:
    """Remove at most `most` events from before an instant; return how many.

    Events after the number `through` are kept. A trigger clears the answers to removed events.
    """
    [(last, count)] = db.execute(
        """
        SELECT max(seq), count(*)
        FROM (
            SELECT seq, timestamp FROM changes WHERE seq <= :through ORDER BY seq LIMIT :most
        ) AS oldest
        WHERE timestamp < :before
        """,
        {"before": before, "most": most, "through": through},
    )
    if count:
        db.change("DELETE FROM changes WHERE seq <= :last", {"last": last})
        # A restore may have set it to a higher number.
        db.change(
            """
            UPDATE counters
            SET value = :last
            WHERE name = 'changes_removed' AND value < :last
            """,
            {"last": last},
        )
    return int(count)
