"""Contacts in the database: reads, and the statements that write one contact or many."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from app.clock import whole_second
from app.compact_json import decode, encode
from app.contacts import index_rows
from app.contacts.index_rows import IndexChange, KnownIds, search_columns
from app.contacts.model import Contact
from app.database import Connection

Row = dict[str, Any]
"""What is stored of a contact, by column."""


_STATE = ("document", "custom_fields", "updated_at")
_KEYS = ("first_name_key", "last_name_key", "email_key", "words")
_INSERTED = ("phone", *_STATE, "created_at", *_KEYS)
_state_of, _inserted_of = itemgetter(*_STATE), itemgetter(*_INSERTED)


class Stored(NamedTuple):
    """A contact and its row id."""

    id: int
    contact: Contact


class Save(NamedTuple):
    """A contact to write. `before` is None for a new one, `row` has the `columns` of `after`."""

    before: Stored | None
    after: Contact
    row: Row


@dataclass
class Known:
    """What a write needs to know: contacts by the phones asked for, and what they refer to.

    `required_types` has the pinned types of custom fields; `last_id` is the newest row id ever
    given to a contact.
    """

    contacts: dict[str, Stored] = field(default_factory=dict)
    required_types: dict[str, str] = field(default_factory=dict)
    ids: KnownIds = field(default_factory=KnownIds)
    last_id: int = 0


def find_contact(db: Connection, phone: str) -> Contact | None:
    """Return the contact of a phone, or the one that it was merged into."""
    stored = find_stored(db, phone)
    return stored.contact if stored else None


def find_stored(db: Connection, phone: str) -> Stored | None:
    rows = db.execute(
        """
        SELECT id, document, custom_fields, updated_at
        FROM contacts
        WHERE id = coalesce(
            (SELECT id FROM contacts WHERE phone = :phone),
            (SELECT contact_id FROM aliases WHERE phone = :phone)
        )
        """,
        {"phone": phone},
    )
    return Stored(rows[0][0], parse(*rows[0][1:])) if rows else None


def look_up(
    db: Connection, phones: Iterable[str], keys: Collection[str] = (), tags: Collection[str] = ()
) -> Known:
    """Return what is known of contacts, custom fields and tags, in one statement."""
    known = Known()
    for kind, name, id, *more in db.execute(
        _LOOK_UP,
        {
            "phones": encode(list(phones)),
            "keys": encode(list(keys)),
            "tags": encode(list(tags)),
        },
    ):
        if kind == "contact":
            known.contacts[name] = Stored(id, parse(*more))
        elif kind == "tag":
            known.ids.tags[name] = id
        elif kind == "field":
            known.ids.fields[name] = id
            if more[0] is not None:
                known.required_types[name] = more[0]
        else:
            known.last_id = id
    return known


_LOOK_UP = """
    SELECT 'contact', asked.value, contacts.id, document, custom_fields, updated_at
    FROM json_each(:phones) AS asked
    CROSS JOIN contacts ON contacts.id = coalesce(
        (SELECT id FROM contacts WHERE phone = asked.value),
        (SELECT contact_id FROM aliases WHERE phone = asked.value)
    )
    UNION ALL
    SELECT 'field', key, id, required_type, NULL, NULL
    FROM custom_fields
    WHERE key IN (SELECT value FROM json_each(:keys))
    UNION ALL
    SELECT 'tag', name, id, NULL, NULL, NULL
    FROM tags
    WHERE name IN (SELECT value FROM json_each(:tags))
    UNION ALL
    SELECT 'last', NULL, seq, NULL, NULL, NULL
    FROM sqlite_sequence
    WHERE name = 'contacts'
"""


def parse(document: str, custom_fields: str, updated_at: str) -> Contact:
    """Return the contact that is stored in these columns."""
    view = decode(document)
    return Contact(
        phone=view["phone"],
        created_at=view["created_at"],
        updated_at=updated_at,
        first_name=view["first_name"],
        last_name=view["last_name"],
        email=view["email"],
        tags=tuple(view["tags"]),
        custom_fields=decode(custom_fields),
    )


def columns(contact: Contact) -> Row:
    """Return what is stored of a contact, except its search columns."""
    return {
        "phone": contact.phone,
        "document": encode(contact.documented_view()),
        "custom_fields": encode(contact.custom_fields),
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }


def full_view(row: Row) -> str:
    """Return the full view of a contact as JSON, from its stored columns."""
    return (
        f'{row["document"][:-1]},"custom_fields":{row["custom_fields"]},'
        f'"updated_at":"{whole_second(row["updated_at"])}"}}'
    )


def insert_contacts(db: Connection, contacts: Iterable[Contact]) -> None:
    """Insert contacts whose phones are not stored yet, with their index rows."""
    saves = [Save(None, each, columns(each)) for each in contacts]
    save(db, saves, look_up(db, ()))


def save(db: Connection, saves: Sequence[Save], known: Known) -> dict[str, int]:
    """Write contacts with their index rows, in few statements. Each contact may occur once.

    Returns their row ids by phone.
    """
    new = [each for each in saves if each.before is None]
    ids = db.new_ids("contacts", len(new), known.last_id)
    _insert(db, list(zip(ids, new, strict=True)))
    _update(db, [(each.before, each) for each in saves if each.before])
    changes: list[IndexChange] = [(id, None, each.after) for id, each in zip(ids, new, strict=True)]
    changes += [(each.before.id, each.before.contact, each.after) for each in saves if each.before]
    index_rows.write(db, changes, known.ids)
    return {each.phone: id for id, _, each in changes if each}


def _insert(db: Connection, new: Sequence[tuple[int, Save]]) -> None:
    rows = [(id, *_inserted_of(each.row | search_columns(each.after))) for id, each in new]
    db.insert_many(f"INSERT INTO contacts (id, {', '.join(_INSERTED)})", rows)


def _update(db: Connection, changed: Sequence[tuple[Stored, Save]]) -> None:
    """Set the columns that differ: an index is written for each column that a statement names."""
    rows: dict[tuple[str, ...], list[tuple[object, ...]]] = {}
    for before, each in changed:
        old, new = search_columns(before.contact), search_columns(each.after)
        columns = (*_STATE, *(name for name in _KEYS if old[name] != new[name]))
        values = each.row | new
        rows.setdefault(columns, []).append((before.id, *(values[name] for name in columns)))
    for columns, states in rows.items():
        db.update_many("contacts", "id", columns, sorted(states, key=itemgetter(0)))


def update_states(db: Connection, changed: Iterable[tuple[int, Row]]) -> None:
    """Write contacts by their row ids where nothing that sorting or word search uses changes.

    The caller writes the index rows.
    """
    states = sorted((id, *_state_of(row)) for id, row in changed)
    db.update_many("contacts", "id", _STATE, states)


def delete_contact(db: Connection, stored: Stored) -> None:
    """Delete a contact with its index rows and aliases."""
    index_rows.write(db, [(stored.id, stored.contact, None)])
    db.change("DELETE FROM aliases WHERE contact_id = :id", {"id": stored.id})
    db.change("DELETE FROM contacts WHERE id = :id", {"id": stored.id})


def tag_exists(db: Connection, tag: str) -> bool:
    return bool(db.execute("SELECT 1 FROM tags WHERE name = :tag", {"tag": tag}))
