"""Contacts, their tags and custom fields in the database."""

import json
from collections.abc import Iterable, Mapping

from app.contacts.model import Contact, FieldValue
from app.database import Connection

TypedField = tuple[str, str, FieldValue]  # key, type, value


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def find_contact(db: Connection, phone: str) -> Contact | None:
    rows = db.execute(
        """
        SELECT document, custom_fields, updated_at
        FROM contacts
        WHERE phone = :phone
        """,
        {"phone": phone},
    )
    if not rows:
        return None
    document, custom_fields, updated_at = rows[0]
    view = json.loads(document)
    return Contact(
        phone=phone,
        created_at=view["created_at"],
        updated_at=updated_at,
        first_name=view["first_name"],
        last_name=view["last_name"],
        email=view["email"],
        tags=tuple(view["tags"]),
        custom_fields=json.loads(custom_fields),
    )


def insert_contact(db: Connection, contact: Contact) -> None:
    [(contact_id,)] = db.execute(
        """
        INSERT INTO contacts (phone, document, custom_fields, created_at, updated_at)
        VALUES (:phone, :document, :custom_fields, :created_at, :updated_at)
        RETURNING id
        """,
        _columns(contact) | {"created_at": contact.created_at},
    )
    _link_tags(db, contact_id, contact.tags)
    _set_fields(db, contact_id, _typed(contact.custom_fields))


def update_contact(db: Connection, before: Contact, after: Contact) -> None:
    [(contact_id,)] = db.execute(
        """
        UPDATE contacts
        SET document = :document,
            custom_fields = :custom_fields,
            updated_at = :updated_at
        WHERE phone = :phone
        RETURNING id
        """,
        _columns(after),
    )
    _link_tags(db, contact_id, [tag for tag in after.tags if tag not in before.tags])
    _unlink_tags(db, contact_id, [tag for tag in before.tags if tag not in after.tags])
    old, new = _typed(before.custom_fields), _typed(after.custom_fields)
    _set_fields(db, contact_id, new - old)
    _unset_fields(db, contact_id, old - new)


def list_documents(
    db: Connection, *, tag: str | None, limit: int, offset: int
) -> list[tuple[str, str, str]]:
    """Return (document, custom_fields, updated_at) of a page of contacts, oldest first."""
    # The inner query skips over a narrow index; only the page itself is looked up.
    return db.execute(
        _PAGE_OF_TAG if tag is not None else _PAGE,
        {"tag": tag, "limit": limit, "offset": offset},
    )


def count_contacts(db: Connection, tag: str | None) -> int:
    if tag is None:
        rows = db.execute("SELECT value FROM counters WHERE name = 'contacts'")
    else:
        rows = db.execute("SELECT contacts FROM tags WHERE name = :tag", {"tag": tag})
    return int(rows[0][0]) if rows else 0


_PAGE = """
    SELECT document, custom_fields, updated_at
    FROM contacts
    WHERE id IN (
        SELECT id
        FROM contacts INDEXED BY contacts_by_id
        ORDER BY id
        LIMIT :limit OFFSET :offset
    )
    ORDER BY id
"""
_PAGE_OF_TAG = """
    SELECT document, custom_fields, updated_at
    FROM contacts
    WHERE id IN (
        SELECT contact_id
        FROM contact_tags
        WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
        ORDER BY contact_id
        LIMIT :limit OFFSET :offset
    )
    ORDER BY id
"""


def _columns(contact: Contact) -> dict[str, object]:
    return {
        "phone": contact.phone,
        "document": to_json(contact.documented_view()),
        "custom_fields": to_json(contact.custom_fields),
        "updated_at": contact.updated_at,
    }


def _link_tags(db: Connection, contact_id: int, tags: Iterable[str]) -> None:
    for tag in tags:
        rows = db.execute("SELECT id FROM tags WHERE name = :tag", {"tag": tag}) or db.execute(
            "INSERT INTO tags (name) VALUES (:tag) RETURNING id", {"tag": tag}
        )
        db.execute(
            "INSERT INTO contact_tags (tag_id, contact_id) VALUES (:tag_id, :contact_id)",
            {"tag_id": rows[0][0], "contact_id": contact_id},
        )


def _unlink_tags(db: Connection, contact_id: int, tags: Iterable[str]) -> None:
    for tag in tags:
        db.execute(
            """
            DELETE FROM contact_tags
            WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
                AND contact_id = :contact_id
            """,
            {"tag": tag, "contact_id": contact_id},
        )


def _typed(fields: Mapping[str, FieldValue]) -> set[TypedField]:
    return {(key, _TYPES[type(value)], value) for key, value in fields.items()}


def _set_fields(db: Connection, contact_id: int, fields: Iterable[TypedField]) -> None:
    for key, type_, value in fields:
        rows = db.execute(
            "SELECT id FROM custom_fields WHERE key = :key", {"key": key}
        ) or db.execute("INSERT INTO custom_fields (key) VALUES (:key) RETURNING id", {"key": key})
        db.execute(
            """
            INSERT INTO custom_field_values (field_id, type, value, contact_id)
            VALUES (:field_id, :type, :value, :contact_id)
            """,
            {"field_id": rows[0][0], "type": type_, "value": value, "contact_id": contact_id},
        )


def _unset_fields(db: Connection, contact_id: int, fields: Iterable[TypedField]) -> None:
    for key, type_, value in fields:
        db.execute(
            """
            DELETE FROM custom_field_values
            WHERE field_id = (SELECT id FROM custom_fields WHERE key = :key)
                AND type = :type
                AND value = :value
                AND contact_id = :contact_id
            """,
            {"key": key, "type": type_, "value": value, "contact_id": contact_id},
        )


_TYPES = {str: "string", int: "number", float: "number", bool: "boolean"}
