"""Continues the journal of a database that was restored from a backup."""

from app.database import Database

STEP = 10**9


def continue_journal(db: Database) -> int:
    """Let the journal go on at a number that was never given out; return it.

    Whoever follows the changes gets a 410 and starts over: what it has seen may not be stored.
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
