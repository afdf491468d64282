"""Many contacts in the database at once: the same rows as `store` writes, in few statements."""

import json
from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter

from app.contacts.links import search_columns
from app.contacts.model import FIELD_TYPES, Contact
from app.contacts.store import Row, parse
from app.database import Connection

_COLUMNS = (
    *("phone", "document", "custom_fields", "created_at", "updated_at"),
    *("first_name_key", "last_name_key", "email_key", "words"),
)
_of_row = itemgetter(*_COLUMNS)


def find_contacts(db: Connection, phones: Iterable[str]) -> dict[str, Contact]:
    """Return the contacts of phones, or those that they were merged into, by the phone asked."""
    rows = db.execute(
        """
        SELECT asked.value, document, custom_fields, updated_at
        FROM json_each(:phones) AS asked
        CROSS JOIN contacts ON contacts.id = coalesce(
            (SELECT id FROM contacts WHERE phone = asked.value),
            (SELECT contact_id FROM aliases WHERE phone = asked.value)
        )
        """,
        {"phones": json.dumps(list(phones))},
    )
    return {phone: parse(*stored) for phone, *stored in rows}


def insert_contacts(db: Connection, new: Collection[tuple[Contact, Row]]) -> None:
    """Insert contacts that are not there yet, each with its `columns`."""
    if not new:
        return
    first = _last_id(db) + 1
    rows = [(id, *_of_row(row | search_columns(each))) for id, (each, row) in enumerate(new, first)]
    db.insert_many(f"INSERT INTO contacts (id, {', '.join(_COLUMNS)})", rows)
    # Sorted, as all the rows that find them: neighbours then meet in one page of the index.
    words = sorted((word, row[0]) for row in rows for word in row[-1].split())
    db.insert_many("INSERT INTO contact_words (word, contact_id)", words)
    contacts = [each for each, _ in new]
    _link_tags(db, contacts, first)
    _set_fields(db, contacts, first)


def _last_id(db: Connection) -> int:
    rows = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'contacts'")
    return int(rows[0][0]) if rows else 0


def _link_tags(db: Connection, contacts: Sequence[Contact], first: int) -> None:
    names = {tag for each in contacts for tag in each.tags}
    ids = _ids(db, "tags", "name", names)
    links = [(ids[tag], id) for id, each in enumerate(contacts, first) for tag in each.tags]
    db.insert_many("INSERT INTO contact_tags (tag_id, contact_id)", sorted(links))


def _set_fields(db: Connection, contacts: Sequence[Contact], first: int) -> None:
    ids = _ids(db, "custom_fields", "key", {key for each in contacts for key in each.custom_fields})
    values = [
        (ids[key], FIELD_TYPES[type(value)], value, id)
        for id, each in enumerate(contacts, first)
        for key, value in each.custom_fields.items()
    ]
    db.insert_many(
        "INSERT INTO custom_field_values (field_id, type, value, contact_id)", sorted(values)
    )


def _ids(db: Connection, table: str, column: str, names: set[str]) -> dict[str, int]:
    """Return the ids of tags or custom fields by name; those that are missing come to be."""
    if not names:
        return {}
    select = f"""
        SELECT {column}, id
        FROM {table}
        WHERE {column} IN (SELECT value FROM json_each(:names))
    """
    found: dict[str, int] = dict(db.execute(select, {"names": json.dumps(list(names))}))
    missing = sorted(names - found.keys())
    if missing:
        db.insert_many(f"INSERT INTO {table} ({column})", [(name,) for name in missing])
        found |= dict(db.execute(select, {"names": json.dumps(missing)}))
    return found
