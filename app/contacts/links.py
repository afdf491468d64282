"""What finds a contact: rows for its tags, custom fields and words, and columns to sort by.

One statement for all tags and one for all fields that come: threads contend for the interpreter
after each, while the store is locked.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from app.contacts.model import FIELD_TYPES, Contact, FieldValue
from app.database import Connection
from app.database.text import fold, split, words

TypedField = tuple[str, str, FieldValue]  # key, type, value


def relink(db: Connection, before: Contact | None, after: Contact | None) -> None:
    """Change what finds a contact; None stands for one not yet, or no longer, there."""
    phone = (before or after).phone  # type: ignore[union-attr]
    old_tags, new_tags = (each.tags if each else () for each in (before, after))
    old, new = (_typed(each.custom_fields) if each else set() for each in (before, after))
    _link_tags(db, phone, [tag for tag in new_tags if tag not in old_tags])
    _unlink_tags(db, phone, [tag for tag in old_tags if tag not in new_tags])
    _set_fields(db, phone, new - old)
    _unset_fields(db, phone, old - new)
    _relink_words(db, phone, _words(before), _words(after))


def search_columns(contact: Contact) -> dict[str, object]:
    """Return the columns that sorting and word search compare."""
    first, last, email = fold(contact.first_name), fold(contact.last_name), fold(contact.email)
    return {
        "first_name_key": first,
        "last_name_key": last,
        "email_key": email,
        "words": "".join(f" {word}" for word in split(first, last, email)),
    }


def _words(contact: Contact | None) -> list[str]:
    return words(contact.first_name, contact.last_name, contact.email) if contact else []


def _relink_words(db: Connection, phone: str, old: Sequence[str], new: Sequence[str]) -> None:
    come = [word for word in new if word not in old]
    gone = [word for word in old if word not in new]
    if come:
        db.change(
            """
            INSERT INTO contact_words (word, contact_id)
            SELECT word.value, contacts.id
            FROM json_each(:words) AS word, contacts
            WHERE contacts.phone = :phone
            """,
            {"words": json.dumps(come), "phone": phone},
        )
    if gone:
        db.change(
            """
            DELETE FROM contact_words
            WHERE word IN (SELECT value FROM json_each(:words))
                AND contact_id = (SELECT id FROM contacts WHERE phone = :phone)
            """,
            {"words": json.dumps(gone), "phone": phone},
        )


def _link_tags(db: Connection, phone: str, tags: Sequence[str]) -> None:
    if not tags:
        return
    names, values = _parameters("tag", tags)
    link = f"""
        INSERT INTO contact_tags (tag_id, contact_id)
        SELECT tags.id, contacts.id
        FROM tags, contacts
        WHERE tags.name IN ({", ".join(names)})
            AND contacts.phone = :phone
        ON CONFLICT DO NOTHING
    """
    parameters = values | {"phone": phone}
    if db.change(link, parameters) < len(tags):
        rows = ", ".join(f"({name})" for name in names)
        db.change(f"INSERT INTO tags (name) VALUES {rows} ON CONFLICT DO NOTHING", values)
        db.change(link, parameters)


def _unlink_tags(db: Connection, phone: str, tags: Sequence[str]) -> None:
    if not tags:
        return
    names, values = _parameters("tag", tags)
    db.change(
        f"""
        DELETE FROM contact_tags
        WHERE tag_id IN (SELECT id FROM tags WHERE name IN ({", ".join(names)}))
            AND contact_id = (SELECT id FROM contacts WHERE phone = :phone)
        """,
        values | {"phone": phone},
    )


def _set_fields(db: Connection, phone: str, fields: Collection[TypedField]) -> None:
    if not fields:
        return
    given, values = _given(fields)
    # The clause stands inside: sqlite3 does not count the rows of a statement that begins with it.
    set_ = f"""
        INSERT INTO custom_field_values (field_id, type, value, contact_id)
        WITH given (key, type, value) AS (VALUES {given})
        SELECT custom_fields.id, given.type, given.value, contacts.id
        FROM given, custom_fields, contacts
        WHERE custom_fields.key = given.key
            AND contacts.phone = :phone
        ON CONFLICT DO NOTHING
    """
    parameters = values | {"phone": phone}
    if db.change(set_, parameters) < len(fields):
        keys = ", ".join(f"(:key{index})" for index in range(len(fields)))
        db.change(f"INSERT INTO custom_fields (key) VALUES {keys} ON CONFLICT DO NOTHING", values)
        db.change(set_, parameters)


def _unset_fields(db: Connection, phone: str, fields: Iterable[TypedField]) -> None:
    for key, type_, value in fields:
        # Named in full, since a row-value IN would walk through all values of the field.
        db.change(
            """
            DELETE FROM custom_field_values
            WHERE field_id = (SELECT id FROM custom_fields WHERE key = :key)
                AND type = :type
                AND value = :value
                AND contact_id = (SELECT id FROM contacts WHERE phone = :phone)
            """,
            {"key": key, "type": type_, "value": value, "phone": phone},
        )


def _parameters(name: str, values: Iterable[object]) -> tuple[list[str], dict[str, object]]:
    bound = {f"{name}{index}": value for index, value in enumerate(values)}
    return [f":{each}" for each in bound], bound


def _typed(fields: Mapping[str, FieldValue]) -> set[TypedField]:
    return {(key, FIELD_TYPES[type(value)], value) for key, value in fields.items()}


def _given(fields: Iterable[TypedField]) -> tuple[str, dict[str, object]]:
    """Return the rows of a VALUES clause and their parameters."""
    rows: list[str] = []
    bound: dict[str, object] = {}
    for index, (key, type_, value) in enumerate(fields):
        rows.append(f"(:key{index}, :type{index}, :value{index})")
        bound |= {f"key{index}": key, f"type{index}": type_, f"value{index}": value}
    return ", ".join(rows), bound
