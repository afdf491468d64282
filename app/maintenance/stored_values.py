"""Finds and cleans values that older versions stored and today's API does not accept.

Those are invisible characters in tags, keys, names and e-mail addresses, and blank values of custom
fields. No filter can find them: it cleans what it compares with.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from itertools import count

from marshmallow import ValidationError

from app.contacts.fields import MAX_TAG, clean_key, parse_email, parse_name
from app.contacts.listeners import listeners
from app.contacts.model import Change, Contact, FieldValue, change
from app.contacts.store import parse
from app.contacts.sweeps import next_contacts
from app.contacts.writer import Edit, write_edits
from app.custom_fields.store import delete_custom_field, find_custom_field, pin_custom_field
from app.database import Connection
from app.maintenance.index_checks import Reader
from app.plurals import plural
from app.web.fields import clean_word, is_blank

BATCH = 250  # Contacts that are read and written together: one can hold nearly a megabyte.
EXAMPLES = 3
UNNAMED = "unnamed"  # A custom field whose key shows nothing.
# Stored text with none of these, printable and ASCII alone, has nothing to clean.
_SUSPECT = ('""', '" ', ' "', "\\")

Transaction = Callable[[], AbstractContextManager[Connection]]


def wrong_values(reader: Reader) -> list[str]:
    """Return how many contacts and pinned custom fields are unclean, with examples."""
    contacts, examples = unclean_contacts(reader)
    named = f" ({', '.join(examples)})" if examples else ""
    faults = [f"{plural(contacts, 'contact')}{named}"] if contacts else []
    if pins := unclean_pins(reader):
        faults.append(f"{plural(len(pins), 'pinned custom field')} (key {pins[0]!r})")
    return faults


def unclean_contacts(reader: Reader) -> tuple[int, list[str]]:
    """Return how many contacts have values to clean, and some tags and keys, quoted.

    Shows invisible characters as escapes, and neither names nor e-mail addresses.
    """
    contacts, examples = 0, dict[str, None]()
    for document, custom_fields in reader.execute("SELECT document, custom_fields FROM contacts"):
        if _is_plain(document) and _is_plain(custom_fields):
            continue
        before = parse(document, custom_fields, "")
        after = cleaned(before)
        if after != before:
            contacts += 1
            if len(examples) < EXAMPLES:
                examples |= dict.fromkeys(_examples(before, after))
    return contacts, list(examples)[:EXAMPLES]


def clean_contacts(transaction: Transaction) -> tuple[int, int]:
    """Clean all contacts, in batches; return how many were cleaned, and how many cannot be.

    Each cleaned contact gets an event. A contact cannot be cleaned if a key is pinned to a type
    that its value does not have. Labels and types follow their keys. A process that is killed
    leaves whole batches: run it again.
    """
    after = done = failed = 0
    while True:
        with transaction() as tx:
            if not (rows := next_contacts(tx, after=after, most=BATCH)):
                break
            edits = [_edit(clean) for _, each, _ in rows if (clean := cleaned(each)) != each]
            outcomes = write_edits(tx, edits) if edits else []
        after = rows[-1][0]
        changed = sum(isinstance(each, Change) for each in outcomes)
        done, failed = done + changed, failed + len(outcomes) - changed
    with transaction() as tx:
        move_pins(tx)
    return done, failed


def unclean_pins(reader: Reader) -> list[str]:
    """Return the keys of pinned custom fields that no contact has and no request reaches."""
    return [
        key
        for (key,) in reader.execute(
            """
            SELECT key
            FROM custom_fields
            WHERE coalesce(label, required_type) IS NOT NULL
                AND strings + numbers + booleans = 0
            """
        )
        if _clean_key(key) != key
    ]


def move_pins(tx: Connection) -> None:
    """Give the label and type of each unclean key to the clean one, unless that has its own."""
    for key in unclean_pins(tx):
        if field := find_custom_field(tx, key):
            name = _clean_key(key)
            clean = find_custom_field(tx, name)
            if not clean or (clean.label is None and clean.required_type is None):
                pin_custom_field(tx, name, field.label, field.required_type)
                for each in listeners():
                    each.field_pinned(tx, name)
            delete_custom_field(tx, field)


def _edit(clean: Contact) -> Edit:
    def plan(before: Contact | None, now: str) -> Change:
        return change(before, before or clean, cleaned(before or clean), now)

    return Edit(clean.phone, plan, None, clean.custom_fields.keys(), clean.tags)


def cleaned(contact: Contact) -> Contact:
    """Return a contact with its values as the API accepts them today.

    Of equal tags the first stays. Of two custom fields whose keys become equal, that with the clean
    key stays. What cannot be cleaned stays as it is.
    """
    tags = (_clean(partial(clean_word, longest=MAX_TAG), each) for each in contact.tags)
    return contact._replace(
        first_name=_clean(parse_name, contact.first_name),
        last_name=_clean(parse_name, contact.last_name),
        email=_clean(parse_email, contact.email),
        tags=tuple(dict.fromkeys(each for each in tags if each)),
        custom_fields=_clean_fields(contact.custom_fields),
    )


def _clean_fields(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    kept = {
        key: value
        for key, value in fields.items()
        if not (isinstance(value, str) and is_blank(value))
    }
    found: dict[str, FieldValue] = {}
    for key, value in kept.items():
        name = _clean_key(key)
        if is_blank(key):
            name = _unused(name, {*kept, *found})
        if name == key or name not in kept:
            found.setdefault(name, value)
    return found


def _clean_key(key: str) -> str:
    """Return a key as the API accepts it; `UNNAMED` for one that shows nothing."""
    return UNNAMED if is_blank(key) else _clean(clean_key, key) or key


def _unused(name: str, taken: Collection[str]) -> str:
    numbered = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(each for each in numbered if each not in taken)


def _clean(parse: Callable[[str], str | None], value: str | None) -> str | None:
    try:
        return value if value is None else parse(value)
    except ValidationError:
        return value


def _is_plain(stored: str) -> bool:
    return (
        stored.isascii() and stored.isprintable() and not any(each in stored for each in _SUSPECT)
    )


def _examples(before: Contact, after: Contact) -> Iterator[str]:
    yield from (f"tag {each!r}" for each in before.tags if each not in after.tags)
    for key, value in before.custom_fields.items():
        if isinstance(value, str) and is_blank(value):
            yield f"blank {key!r}"
        elif key not in after.custom_fields:
            yield f"key {key!r}"
