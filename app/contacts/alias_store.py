"""SQL of aliases: numbers whose contact was merged into another, which they now identify."""

import json
from collections.abc import Collection, Sequence

from app.contacts.store import Stored
from app.database import Connection


def find_phones(db: Connection, phones: Collection[str]) -> dict[str, str]:
    """Return for each stored phone that of its contact, which is another one after a merge."""
    if not phones:
        return {}
    rows = db.execute(
        """
        SELECT asked.value, contacts.phone
        FROM json_each(:phones) AS asked
        CROSS JOIN contacts ON contacts.id = coalesce(
            (SELECT id FROM contacts WHERE phone = asked.value),
            (SELECT contact_id FROM aliases WHERE phone = asked.value)
        )
        """,
        {"phones": json.dumps(list(phones))},
    )
    return dict(rows)


def list_aliases(db: Connection, id: int) -> list[str]:
    """Return the phones of contacts that were merged into the one with this row id."""
    rows = db.execute("SELECT phone FROM aliases WHERE contact_id = :id ORDER BY phone", {"id": id})
    return [phone for (phone,) in rows]


def insert_aliases(db: Connection, aliases: Sequence[tuple[str, int]]) -> None:
    """Let phones find the contacts of these row ids."""
    db.insert_many("INSERT INTO aliases (phone, contact_id)", aliases)


def add_aliases(db: Connection, survivor: Stored, other: Stored) -> list[str]:
    """Let the other's phone and aliases find the survivor, and return them.

    The other must be deleted afterwards.
    """
    parameters = {"id": survivor.id, "other": other.id, "phone": other.contact.phone}
    gained = [*list_aliases(db, other.id), other.contact.phone]
    db.change("UPDATE aliases SET contact_id = :id WHERE contact_id = :other", parameters)
    db.change("INSERT INTO aliases (phone, contact_id) VALUES (:phone, :id)", parameters)
    return gained
