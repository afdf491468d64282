"""Contacts, their tags and custom fields in the database."""

import json
from typing import Any

from app.contacts.links import relink, search_columns
from app.contacts.model import Contact
from app.contacts.views import view
from app.database import Connection

Row = dict[str, Any]
"""What is stored of a contact, by column."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def find_contact(db: Connection, phone: str) -> Contact | None:
    """Return the contact of a phone, or the one that it was merged into."""
    rows = db.execute(
        """
        SELECT document, custom_fields, updated_at
        FROM contacts
        WHERE id = coalesce(
            (SELECT id FROM contacts WHERE phone = :phone),
            (SELECT contact_id FROM aliases WHERE phone = :phone)
        )
        """,
        {"phone": phone},
    )
    return parse(*rows[0]) if rows else None


def parse(document: str, custom_fields: str, updated_at: str) -> Contact:
    """Return the contact that is stored in these columns."""
    view = json.loads(document)
    return Contact(
        phone=view["phone"],
        created_at=view["created_at"],
        updated_at=updated_at,
        first_name=view["first_name"],
        last_name=view["last_name"],
        email=view["email"],
        tags=tuple(view["tags"]),
        custom_fields=json.loads(custom_fields),
    )


def insert_contact(db: Connection, contact: Contact) -> None:
    db.change(
        """
        INSERT INTO contacts (
            phone, document, custom_fields, created_at, updated_at,
            first_name_key, last_name_key, email_key, words
        )
        VALUES (
            :phone, :document, :custom_fields, :created_at, :updated_at,
            :first_name_key, :last_name_key, :email_key, :words
        )
        """,
        columns(contact) | search_columns(contact),
    )
    relink(db, None, contact)


def update_contact(db: Connection, before: Contact, after: Contact) -> None:
    db.change(
        """
        UPDATE contacts
        SET document = :document,
            custom_fields = :custom_fields,
            updated_at = :updated_at
        WHERE phone = :phone
        """,
        columns(after),
    )
    if search_columns(before) != search_columns(after):
        db.change(
            """
            UPDATE contacts
            SET first_name_key = :first_name_key,
                last_name_key = :last_name_key,
                email_key = :email_key,
                words = :words
            WHERE phone = :phone
            """,
            {"phone": after.phone} | search_columns(after),
        )
    relink(db, before, after)


def delete_contact(db: Connection, contact: Contact) -> None:
    """Remove a contact with its tags, custom fields and aliases."""
    relink(db, contact, None)
    of_phone = {"phone": contact.phone}
    db.change(f"DELETE FROM aliases WHERE contact_id = ({_ID})", of_phone)
    db.change("DELETE FROM contacts WHERE phone = :phone", of_phone)


def add_aliases(db: Connection, survivor: Contact, other: Contact) -> None:
    """Let the other's phone and aliases find the survivor; the other must go afterwards."""
    parameters = {"phone": survivor.phone, "other": other.phone}
    db.change(
        f"""
        UPDATE aliases
        SET contact_id = ({_ID})
        WHERE contact_id = (SELECT id FROM contacts WHERE phone = :other)
        """,
        parameters,
    )
    db.change(f"INSERT INTO aliases (phone, contact_id) VALUES (:other, ({_ID}))", parameters)


def tag_exists(db: Connection, tag: str) -> bool:
    return bool(db.execute("SELECT 1 FROM tags WHERE name = :tag", {"tag": tag}))


_ID = "SELECT id FROM contacts WHERE phone = :phone"


def list_contacts(
    db: Connection, *, tag: str | None, limit: int, offset: int, include: frozenset[str]
) -> tuple[str, int]:
    """Return a page of contacts, oldest first, as the inside of a JSON array, and the total."""
    # One statement sees one state of the store; one row, since threads contend for the
    # interpreter again at each row. It skips over a narrow index, from the nearer end.
    ids, total = (_IDS, _TOTAL) if tag is None else (_IDS_OF_TAG, _TOTAL_OF_TAG)
    [(page, count)] = db.execute(
        f"""
        WITH counted (total) AS MATERIALIZED (SELECT coalesce(({total}), 0))
        SELECT group_concat(view), (SELECT total FROM counted)
        FROM (
            SELECT {view(include)} AS view
            FROM contacts
            WHERE id IN (
                SELECT id FROM ({ids} LIMIT ({_FROM_START}) OFFSET :offset)
                UNION ALL
                SELECT id FROM ({ids} DESC LIMIT ({_FROM_END}) OFFSET ({_BEHIND}))
            )
            ORDER BY id
        )
        """,
        {"tag": tag, "limit": limit, "offset": offset},
    )
    return page or "", count


_TOTAL = "SELECT value FROM counters WHERE name = 'contacts'"
_TOTAL_OF_TAG = "SELECT contacts FROM tags WHERE name = :tag"
_IDS = "SELECT id FROM contacts INDEXED BY contacts_by_id ORDER BY id"
_IDS_OF_TAG = """
    SELECT contact_id AS id
    FROM contact_tags
    WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
    ORDER BY contact_id
"""
_FROM_START = "SELECT iif(:offset * 2 <= total, :limit, 0) FROM counted"
_FROM_END = """
    SELECT iif(:offset * 2 <= total, 0, max(0, min(:limit, total - :offset))) FROM counted
"""
_BEHIND = "SELECT max(0, total - :offset - :limit) FROM counted"


def columns(contact: Contact) -> Row:
    """Return what is stored of a contact, but for what finds it."""
    return {
        "phone": contact.phone,
        "document": _encode(contact.documented_view()),
        "custom_fields": _encode(contact.custom_fields),
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }
