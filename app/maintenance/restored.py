"""Continues the journal of a database that was restored from a backup."""

from app.database import Database

STEP = 10**9


def continue_journal(db: Database) -> int:
    """Continue the journal at a number that was never used; return that number.

    Programs that follow the changes get a 410 and start over: what they saw may be lost.
    """
    with db.transaction() as tx:
        tx.number_changes()
        [(last,)] = tx.execute("SELECT value FROM counters WHERE name = 'changes'")
        number = (int(last) // STEP + 1) * STEP
        tx.change(
            """
            UPDATE counters
            SET value = :number
            WHERE name IN ('changes', 'changes_removed')
            """,
            {"number": number},
        )
        tx.change("UPDATE webhooks SET position = :number", {"number": number})
    return number
