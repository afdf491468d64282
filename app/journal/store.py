"""The journal in the database."""

from collections.abc import Collection, Sequence

from app.database import Connection
from app.journal.model import Event


def insert_event(db: Connection, event: str, timestamp: str, phone: str | None, data: str) -> None:
    db.change(
        """
        INSERT INTO changes (event, timestamp, phone, data)
        VALUES (:event, :timestamp, :phone, :data)
        """,
        {"event": event, "timestamp": timestamp, "phone": phone, "data": data},
    )


def insert_events(db: Connection, events: Sequence[tuple[str, str, str, str]]) -> None:
    """Insert events, each (event, timestamp, phone, data), in this order."""
    db.insert_many("INSERT INTO changes (event, timestamp, phone, data)", events)


def erase_events(db: Connection, phone: str, data: str) -> None:
    """Replace the data of all events of a contact; a trigger clears their deliveries' answers."""
    db.change(
        "UPDATE changes SET data = :data WHERE phone = :phone", {"phone": phone, "data": data}
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
    """Return the next `most` events after a number, oldest first."""
    rows = db.execute(
        """
        SELECT seq, event, timestamp, data
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
    """Return events of some kinds among the next `scanned`, and the number of the last scanned."""
    names = {f"event{index}": event for index, event in enumerate(events)}
    rows = db.execute(
        f"""
        SELECT seq, event, timestamp, data
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
        "SELECT seq, event, timestamp, data FROM changes WHERE seq = :seq", {"seq": seq}
    )
    return Event(*rows[0]) if rows else None


def list_subjects(db: Connection, *, after: int, most: int) -> list[tuple[int, str, str | None]]:
    """Return (number, kind, contact's phone) of the next `most` events, oldest first."""
    return db.execute(
        """
        SELECT seq, event, phone
        FROM changes
        WHERE seq > :after
        ORDER BY seq
        LIMIT :most
        """,
        {"after": after, "most": most},
    )


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
