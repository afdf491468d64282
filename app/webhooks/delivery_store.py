"""Deliveries in the database: their queues, and a log of the attempts.

The column `line` names a queue: the deliveries of one webhook about one contact. The first
pending one of a queue has a time in `due`, the others have NULL.
"""

from datetime import datetime

from app import clock
from app.database import Connection
from app.webhooks.model import Attempt, Delivery

_COLUMNS = (
    "number, id, webhook_id, seq, event, state, due, attempt, attempted_at, status, error, "
    "answer, duration_ms, created_at, finished_at"
)


def queue_delivery(
    db: Connection,
    *,
    id: str,
    webhook_id: str,
    seq: int | None,
    event: str,
    line: str,
    now: datetime,
) -> None:
    """Append a delivery to its queue `line`: due now, if no other one of the queue is due."""
    db.change(
        """
        INSERT INTO deliveries (id, webhook_id, seq, event, line, state, due, created_at)
        VALUES (
            :id, :webhook_id, :seq, :event, :line, 'pending',
            CASE
                WHEN EXISTS (
                    SELECT 1
                    FROM deliveries
                    WHERE webhook_id = :webhook_id
                        AND line = :line
                        AND state = 'pending'
                        AND due >= 0
                ) THEN NULL
                ELSE :now
            END,
            :created_at
        )
        """,
        {
            "id": id,
            "webhook_id": webhook_id,
            "seq": seq,
            "event": event,
            "line": line,
            "now": now.timestamp(),
            "created_at": clock.timestamp(now),
        },
    )


def requeue_delivery(db: Connection, number: int) -> None:
    """Make a finished delivery pending, with all attempts; `advance_queue` makes it due."""
    db.change(
        f"UPDATE deliveries SET {_PENDING} WHERE number = :number",
        {"number": number},
    )


def requeue_dead(
    db: Connection, webhook_id: str, *, since: str, until: str, most: int
) -> list[tuple[int, str]]:
    """Make the oldest dead deliveries of a time pending; return their numbers and queues.

    `since` and `until` include their instant. `advance_queue` makes one of each queue due.
    """
    return db.execute(
        f"""
        UPDATE deliveries
        SET {_PENDING}
        WHERE number IN (
            SELECT number FROM deliveries WHERE {_DEAD} ORDER BY finished_at LIMIT :most
        )
        RETURNING number, line
        """,
        {"webhook_id": webhook_id, "since": since, "until": until, "most": most},
    )


def count_dead(db: Connection, webhook_id: str, *, since: str, until: str) -> int:
    """Return how many deliveries died in a time, which includes both instants."""
    [(count,)] = db.execute(
        f"SELECT count(*) FROM deliveries WHERE {_DEAD}",
        {"webhook_id": webhook_id, "since": since, "until": until},
    )
    return int(count)


_PENDING = "state = 'pending', attempt = 0, finished_at = NULL"
_DEAD = """webhook_id = :webhook_id
    AND state = 'dead'
    AND finished_at >= :since
    AND finished_at <= :until"""


def advance_queue(db: Connection, number: int, now: float) -> None:
    """Make the first pending delivery of this one's queue due, unless one is already."""
    [(webhook_id, line)] = db.execute(
        "SELECT webhook_id, line FROM deliveries WHERE number = :number", {"number": number}
    )
    db.change(
        """
        UPDATE deliveries
        SET due = :now
        WHERE number = (
                SELECT min(number)
                FROM deliveries
                WHERE webhook_id = :webhook_id
                    AND line = :line
                    AND state = 'pending'
                    AND due IS NULL
            )
            AND NOT EXISTS (
                SELECT 1
                FROM deliveries
                WHERE webhook_id = :webhook_id
                    AND line = :line
                    AND state = 'pending'
                    AND due >= 0
            )
        """,
        {"webhook_id": webhook_id, "line": line, "now": now},
    )


def list_due(db: Connection, webhook_id: str, now: float, most: int) -> list[Delivery]:
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM deliveries
        WHERE webhook_id = :webhook_id AND due <= :now
        ORDER BY due, number
        LIMIT :most
        """,
        {"webhook_id": webhook_id, "now": now, "most": most},
    )
    return [Delivery(*row) for row in rows]


def record_attempt(
    db: Connection, attempt: Attempt, *, state: str, due: float | None, answer: str | None
) -> bool:
    """Record the outcome of an attempt; return False if the delivery no longer exists."""
    outcome, delivery = attempt.outcome, attempt.delivery
    return bool(
        db.change(
            """
            UPDATE deliveries
            SET state = :state,
                due = :due,
                attempt = :attempt,
                attempted_at = :at,
                status = :status,
                error = :error,
                answer = :answer,
                duration_ms = :duration_ms,
                finished_at = CASE :state WHEN 'pending' THEN NULL ELSE :at END
            WHERE number = :number AND state = 'pending'
            """,
            {
                "number": delivery.number,
                "state": state,
                "due": due,
                "attempt": delivery.attempt + 1,
                "at": attempt.at,
                "status": outcome.status,
                "error": outcome.error,
                "answer": answer,
                "duration_ms": outcome.duration_ms,
            },
        )
    )


def find_delivery(db: Connection, webhook_id: str, id: str) -> Delivery | None:
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM deliveries WHERE id = :id AND webhook_id = :webhook_id",
        {"id": id, "webhook_id": webhook_id},
    )
    return Delivery(*rows[0]) if rows else None


def list_deliveries(
    db: Connection, webhook_id: str, *, state: str | None, limit: int, offset: int
) -> tuple[list[Delivery], int]:
    """Return a page of a webhook's deliveries, newest first, and their total number."""
    where = "webhook_id = :webhook_id" + (" AND state = :state" if state else "")
    values = {"webhook_id": webhook_id, "limit": limit, "offset": offset}
    values |= {"state": state} if state else {}
    rows = db.execute(
        f"""
        SELECT {_COLUMNS}
        FROM deliveries
        WHERE {where}
        ORDER BY number DESC
        LIMIT :limit OFFSET :offset
        """,
        values,
    )
    [(total,)] = db.execute(f"SELECT count(*) FROM deliveries WHERE {where}", values)
    return [Delivery(*row) for row in rows], total


def count_pending(db: Connection, webhook_id: str) -> int:
    """Return how many deliveries of a webhook wait to be sent or retried."""
    [(count,)] = db.execute(
        "SELECT count(*) FROM deliveries WHERE webhook_id = :webhook_id AND state = 'pending'",
        {"webhook_id": webhook_id},
    )
    return int(count)


def remove_finished(db: Connection, before: str, most: int) -> int:
    """Remove at most `most` deliveries that finished before an instant; return how many."""
    return db.change(
        """
        DELETE FROM deliveries
        WHERE number IN (
            SELECT number FROM deliveries WHERE finished_at < :before LIMIT :most
        )
        """,
        {"before": before, "most": most},
    )


def remove_all(db: Connection, webhook_id: str, most: int) -> int:
    """Remove at most `most` deliveries of a webhook; return how many."""
    return db.change(
        """
        DELETE FROM deliveries
        WHERE number IN (
            SELECT number FROM deliveries WHERE webhook_id = :webhook_id LIMIT :most
        )
        """,
        {"webhook_id": webhook_id, "most": most},
    )
