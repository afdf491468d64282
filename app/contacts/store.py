"""Contacts, their tags and custom fields in the database."""

import json
from collections.abc import Iterable, Mapping

from app.contacts.model import Contact, FieldValue
from app.database import Connection

TypedField = tuple[str, str, FieldValue]  # key, type, value


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


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


def list_contacts(
    db: Connection, *, tag: str | None, limit: int, offset: int, include: frozenset[str]
) -> tuple[str, int]:
    """Return a page of contacts, oldest first, as the inside of a JSON array, and the total."""
    # One statement sees one state of the store; one row, since threads contend for the
    # interpreter again at each row. The innermost query skips over a narrow index.
    view = _VIEWS["custom_fields" in include, "updated_at" in include]
    ids, total = (_IDS, _TOTAL) if tag is None else (_IDS_OF_TAG, _TOTAL_OF_TAG)
    [(page, count)] = db.execute(
        f"""
        SELECT group_concat(view), ({total})
        FROM (
            SELECT {view} AS view
            FROM contacts
            WHERE id IN ({ids})
            ORDER BY id
        )
        """,  # noqa: S608
        {"tag": tag, "limit": limit, "offset": offset},
    )
    return page or "", count or 0


_TOTAL = "SELECT value FROM counters WHERE name = 'contacts'"
_TOTAL_OF_TAG = "SELECT contacts FROM tags WHERE name = :tag"
_IDS = """
    SELECT id
    FROM contacts INDEXED BY contacts_by_id
    ORDER BY id
    LIMIT :limit OFFSET :offset
"""
_IDS_OF_TAG = """
    SELECT contact_id
    FROM contact_tags
    WHERE tag_id = (SELECT id FROM tags WHERE name = :tag)
    ORDER BY contact_id
    LIMIT :limit OFFSET :offset
"""
# These return no row where the tag or the field is new.
_LINK_TAG = """
    INSERT INTO contact_tags (tag_id, contact_id)
    SELECT id, :contact_id
    FROM tags
    WHERE name = :tag
    RETURNING tag_id
"""
_SET_FIELD = """
    INSERT INTO custom_field_values (field_id, type, value, contact_id)
    SELECT id, :type, :value, :contact_id
    FROM custom_fields
    WHERE key = :key
    RETURNING field_id
"""
# By (with custom_fields, with updated_at): the stored view, or spliced in at its end.
_OPEN = "substr(document, 1, length(document) - 1)"
_FIELDS = """ || ',"custom_fields":' || custom_fields"""
_UPDATED = """ || ',"updated_at":"' || updated_at || '"'"""
_VIEWS = {
    (False, False): "document",
    (True, False): _OPEN + _FIELDS + " || '}'",
    (False, True): _OPEN + _UPDATED + " || '}'",
    (True, True): _OPEN + _FIELDS + _UPDATED + " || '}'",
}


def _columns(contact: Contact) -> dict[str, object]:
    return {
        "phone": contact.phone,
        "document": _encode(contact.documented_view()),
        "custom_fields": _encode(contact.custom_fields),
        "updated_at": contact.updated_at,
    }


def _link_tags(db: Connection, contact_id: int, tags: Iterable[str]) -> None:
    for tag in tags:
        link = {"tag": tag, "contact_id": contact_id}
        if not db.execute(_LINK_TAG, link):
            db.execute("INSERT INTO tags (name) VALUES (:tag)", {"tag": tag})
            db.execute(_LINK_TAG, link)


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
        field = {"key": key, "type": type_, "value": value, "contact_id": contact_id}
        if not db.execute(_SET_FIELD, field):
            db.execute("INSERT INTO custom_fields (key) VALUES (:key)", {"key": key})
            db.execute(_SET_FIELD, field)


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
