"""Contacts, their tags and custom fields in the database."""

import json
from typing import Any

from app.contacts.links import relink, search_columns
from app.contacts.model import Contact
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


def columns(contact: Contact) -> Row:
    """Return what is stored of a contact, but for what finds it."""
    return {
        "phone": contact.phone,
        "document": _encode(contact.documented_view()),
        "custom_fields": _encode(contact.custom_fields),
        "created_at": contact.created_at,
        "updated_at": contact.updated_at,
    }
