"""A contact's index rows: its words, tags and custom fields, written with the contact.

Triggers count the contacts of each tag and custom field, and delete a tag or field that no contact
has any more (`app/database/sqlite/migrations`).
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from app.contacts.model import FIELD_TYPES, Contact, FieldValue
from app.database import Connection
from app.database.interface import Retry
from app.database.text import fold, split

IndexChange = tuple[int, Contact | None, Contact | None]
"""The row id of a contact, and the contact before and after; None where there is none."""


@dataclass
class KnownIds:
    """Row ids of tags by name, and of custom fields by key, as far as they are known."""

    tags: dict[str, int] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)


def search_columns(contact: Contact) -> dict[str, object]:
    """Return the columns of `contacts` that sorting and word search compare; do not modify them."""
    return _searched(contact.first_name, contact.last_name, contact.email)[0]


# A group asks for each of its contacts more than once.
@lru_cache(maxsize=512)
def _searched(
    first_name: str | None, last_name: str | None, email: str | None
) -> tuple[dict[str, object], frozenset[str]]:
    """Return the columns of folded texts, and their words."""
    first, last, address = fold(first_name), fold(last_name), fold(email)
    words = split(first, last, address)
    columns: dict[str, object] = {
        "first_name_key": first,
        "last_name_key": last,
        "email_key": address,
        "words": "".join([f" {word}" for word in words]),
    }
    return columns, frozenset(words)


def write(db: Connection, changes: Collection[IndexChange], known: KnownIds | None = None) -> None:
    """Insert and delete the index rows of contacts, sorted as the indexes are.

    Neighbours then meet in one page of an index, and each statement takes many rows: threads
    contend for the interpreter after each, while the store is locked.
    """
    known = known or KnownIds()
    _write_words(db, changes)
    _write_tags(db, changes, known.tags)
    _write_fields(db, changes, known.fields)


def _write_words(db: Connection, changes: Iterable[IndexChange]) -> None:
    new: list[tuple[str, int]] = []
    old: list[tuple[str, int]] = []
    for id, before, after in changes:
        were, are = _words(before), _words(after)
        new += [(word, id) for word in are - were]
        old += [(word, id) for word in were - are]
    db.insert_many("INSERT INTO contact_words (word, contact_id)", sorted(new))
    db.change_many("DELETE FROM contact_words WHERE word = ? AND contact_id = ?", sorted(old))


def _words(contact: Contact | None) -> frozenset[str]:
    if contact is None:
        return frozenset()
    return _searched(contact.first_name, contact.last_name, contact.email)[1]


def _write_tags(db: Connection, changes: Iterable[IndexChange], known: dict[str, int]) -> None:
    new: list[tuple[str, int]] = []
    old: list[tuple[str, int]] = []
    for id, before, after in changes:
        were, are = before.tags if before else (), after.tags if after else ()
        if were != are:
            new += [(tag, id) for tag in set(are).difference(were)]
            old += [(tag, id) for tag in set(were).difference(are)]
    ids = ids_by_name(db, "tags", "name", {tag for tag, _ in new}, known)
    links = sorted((ids[tag], id) for tag, id in new)
    # Before the old ones: a tag that loses its last contact is deleted with its row id.
    db.insert_many("INSERT INTO contact_tags (tag_id, contact_id)", links)
    db.change_many(
        """
        DELETE FROM contact_tags
        WHERE tag_id = (SELECT id FROM tags WHERE name = ?) AND contact_id = ?
        """,
        old,
    )


def _write_fields(db: Connection, changes: Iterable[IndexChange], known: dict[str, int]) -> None:
    new: list[tuple[str, str, FieldValue, int]] = []
    old: list[tuple[str, str, FieldValue, int]] = []
    for id, before, after in changes:
        were = _typed(before.custom_fields if before else {})
        are = _typed(after.custom_fields if after else {})
        new += [(*each, id) for each in are if each not in were]
        old += [(*each, id) for each in were if each not in are]
    ids = ids_by_name(db, "custom_fields", "key", {key for key, *_ in new}, known)
    stored = db.field_values.in_index
    values = sorted((ids[key], type, stored(value), id) for key, type, value, id in new)
    db.insert_many("INSERT INTO custom_field_values (field_id, type, value, contact_id)", values)
    db.change_many(
        """
        DELETE FROM custom_field_values
        WHERE field_id = (SELECT id FROM custom_fields WHERE key = ?)
            AND type = ?
            AND value = ?
            AND contact_id = ?
        """,
        [(key, type, stored(value), id) for key, type, value, id in old],
    )


def _typed(fields: Mapping[str, FieldValue]) -> dict[tuple[str, str, FieldValue], None]:
    return {(key, FIELD_TYPES[type(value)], value): None for key, value in fields.items()}


def ids_by_name(
    db: Connection, table: str, column: str, names: set[str], known: dict[str, int]
) -> dict[str, int]:
    """Return the row ids of tags or custom fields; those that do not exist are created."""
    unknown = sorted(names - known.keys())
    if not unknown:
        return known
    db.insert_many(
        f"INSERT INTO {table} ({column})", [(name,) for name in unknown], "ON CONFLICT DO NOTHING"
    )
    found = db.execute(
        f"""
        SELECT {column}, id
        FROM {table}
        WHERE {column} IN (SELECT value FROM json_each(:names))
        """,
        {"names": json.dumps(unknown)},
    )
    if len(found) < len(unknown):
        raise Retry("Another request deleted a tag or a custom field: send this one again.")
    return known | dict(found)
