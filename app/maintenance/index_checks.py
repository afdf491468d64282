"""Compares index rows, search columns and counts with the contacts, and rebuilds the first two."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from app.contacts import index_rows
from app.contacts.index_rows import search_columns
from app.contacts.model import FIELD_TYPES, Contact
from app.contacts.store import parse
from app.database.interface import Connection, FieldValues
from app.plurals import plural

COUNTED = ("contacts", "tags", "custom_fields")
SEARCH_COLUMNS = ("first_name_key", "last_name_key", "email_key", "words")
BATCH = 1_000  # contacts that are written together,
BATCH_VALUES = 5_000  # or fewer, with this many tags and custom fields

_TAG_COUNT = "(SELECT count(*) FROM contact_tags WHERE tag_id = tags.id)"
_VALUE_COUNT = """
    (SELECT count(*) FROM custom_field_values WHERE field_id = custom_fields.id AND type = '{}')
"""
_WRONG_COUNTS = {
    "counters": " UNION ALL ".join(
        f"SELECT '{name}' AS name WHERE coalesce("
        f"(SELECT value FROM counters WHERE name = '{name}'), -1) != (SELECT count(*) FROM {name})"
        for name in COUNTED
    ),
    "counts of tags": f"SELECT id FROM tags WHERE contacts != {_TAG_COUNT}",
    "counts of custom fields": "SELECT id FROM custom_fields WHERE "
    + " OR ".join(f"{kind}s != {_VALUE_COUNT.format(kind)}" for kind in FIELD_TYPES.values()),
}
_UNUSED = {
    "tags of no contact": f"SELECT id FROM tags WHERE {_TAG_COUNT} = 0",
    "custom fields of no contact": """
        SELECT id
        FROM custom_fields
        WHERE NOT EXISTS (SELECT 1 FROM custom_field_values WHERE field_id = custom_fields.id)
            AND coalesce(label, required_type) IS NULL
    """,
    "aliases of no contact": """
        SELECT phone
        FROM aliases
        WHERE contact_id NOT IN (SELECT id FROM contacts)
            OR phone IN (SELECT phone FROM contacts)
    """,
}
_INDEX_ROWS = {
    "words": "SELECT word, contact_id FROM contact_words",
    "tags": "SELECT name, contact_id FROM contact_tags LEFT JOIN tags ON tags.id = tag_id",
    "custom fields": """
        SELECT key, type, value, contact_id
        FROM custom_field_values
        LEFT JOIN custom_fields ON custom_fields.id = field_id
    """,
}
_CONTACTS = f"""
    SELECT id, document, custom_fields, updated_at, {", ".join(SEARCH_COLUMNS)}
    FROM contacts
    ORDER BY id
"""


class Reader(Protocol):
    """Reads from one state of a store, whichever engine has it."""

    def execute(self, sql: str, /) -> Iterable[Any]: ...


Read = tuple[int, Contact, bool]
"""The row id of a contact, the contact, and whether its search columns are right."""


def read_contacts(driver: Reader) -> Iterator[Read]:
    """Yield all contacts in the order of their row ids, without holding them in memory."""
    for id, document, custom_fields, updated_at, *columns in driver.execute(_CONTACTS):
        contact = parse(document, custom_fields, updated_at)
        yield id, contact, list(columns) == list(search_columns(contact).values())


def write_index_rows(db: Connection, contacts: Iterable[Read]) -> Iterator[int]:
    """Write search columns and index rows, of which there are none; yield how many are done."""
    done = 0
    for batch in _batches(contacts):
        wrong = [(id, *search_columns(each).values()) for id, each, right in batch if not right]
        db.update_many("contacts", "id", SEARCH_COLUMNS, wrong)
        index_rows.write(db, [(id, None, each) for id, each, _ in batch])
        done += len(batch)
        yield done


def _batches(contacts: Iterable[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    values = 0
    for each in contacts:
        batch.append(each)
        values += len(each[1].tags) + len(each[1].custom_fields)
        if len(batch) == BATCH or values > BATCH_VALUES:
            yield batch
            batch, values = [], 0
    if batch:
        yield batch


def unreadable_contacts(driver: Reader) -> int:
    """Return how many contacts cannot be parsed, or hold the document of another contact.

    All index rows are derived from these documents, so nothing else can replace them.
    """
    unreadable = 0
    for document, custom_fields, *of_row in driver.execute(
        "SELECT document, custom_fields, phone, created_at FROM contacts"
    ):
        try:
            contact = parse(document, custom_fields, "")
            unreadable += [contact.phone, contact.created_at] != of_row
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    return unreadable


def wrong_counts(driver: Reader) -> list[str]:
    """Return, for each kind of count, how many differ from the rows that they count."""
    return list(_found(driver, _WRONG_COUNTS))


def wrong_index_rows(driver: Reader, field_values: FieldValues | None = None) -> list[str]:
    """Return how the index rows differ from those that the contacts should have.

    Compares numbers of rows and sums of their hashes: 200,000 contacts need no memory.
    """
    stored_as = (field_values or FieldValues()).in_index
    expected = {name: _Digest() for name in _INDEX_ROWS}
    wrong_columns = 0
    for id, contact, has_right_columns in read_contacts(driver):
        wrong_columns += not has_right_columns
        words = str(search_columns(contact)["words"]).split()
        expected["words"].add((word, id) for word in words)
        expected["tags"].add((tag, id) for tag in contact.tags)
        expected["custom fields"].add(
            (key, FIELD_TYPES[type(value)], stored_as(value), id)
            for key, value in contact.custom_fields.items()
        )
    faults = (
        [f"{plural(wrong_columns, 'contact')} with wrong sort keys or words"]
        if wrong_columns
        else []
    )
    for name, query in _INDEX_ROWS.items():
        stored = _Digest()
        stored.add(driver.execute(query))
        if stored.state != expected[name].state:
            faults.append(
                f"{plural(stored.rows, 'row')} for {name} instead of {expected[name].rows:,}"
            )
    return faults + list(_found(driver, _UNUSED))


class _Digest:
    """A number of rows and the sum of their hashes, whatever their order."""

    def __init__(self) -> None:
        self.rows = self._sum = 0

    def add(self, rows: Iterable[tuple[object, ...]]) -> None:
        for row in rows:
            self.rows += 1
            self._sum = (self._sum + hash(row)) & 0xFFFF_FFFF_FFFF_FFFF

    @property
    def state(self) -> tuple[int, int]:
        return self.rows, self._sum


def _found(driver: Reader, queries: dict[str, str]) -> Iterator[str]:
    for name, query in queries.items():
        [(number,)] = driver.execute(f"SELECT count(*) FROM ({query}) AS found")
        if number:
            yield f"{number:,} {name}"
