"""What is done with contacts; every write goes through here."""

from collections import Counter
from collections.abc import Callable, Iterable

from app import clock
from app.contacts import model, store
from app.contacts.model import Change, Contact, Draft, Edit
from app.contacts.pins import check_types
from app.database import Connection, Database
from app.errors import Conflict, NotFound, PreconditionFailed, ServiceError
from app.journal import handlers as journal
from app.journal.model import CREATED, MERGED, UPDATED

Precondition = Callable[[str], bool]

# What is counted of writes, by outcome.
WRITES = {
    each: f"writes {each}" for each in ("created", "updated", "unchanged", "deleted", "merged")
}
REJECTED_ROWS = "rejected_rows"


def upsert_contact(db: Database, draft: Draft, *, dry_run: bool = False) -> Change:
    """Create or update the contact of a phone; with `dry_run` only say what would happen.

    A draft that changes nothing writes nothing. Raises `ValidationError` where the contact
    would pass its limits or break a pinned type, `Unavailable` and `InsufficientStorage` where
    it cannot be stored.
    """

    def write(tx: Connection) -> Change:
        change = plan_upsert(tx, store.find_contact(tx, draft.phone), draft)
        store_upsert(tx, change)
        return change

    connection = db.connection()
    planned = plan_upsert(connection, store.find_contact(connection, draft.phone), draft)
    if dry_run:
        return planned
    change = db.write(write) if planned.created or planned.changed else planned
    count_upserts(db, [change])
    return change


def plan_upsert(db: Connection, before: Contact | None, draft: Draft) -> Change:
    """Return what an upsert would make of a contact. Raises `ValidationError`."""
    change = model.upsert(before, draft, clock.timestamp())
    check_types(db, change)
    return change


def store_upsert(tx: Connection, change: Change) -> None:
    """Write what an upsert does, and tell of it; nothing where nothing changes."""
    if change.before is None:
        store.insert_contact(tx, change.after)
        _tell(tx, CREATED, change)
    elif change.changed:
        store.update_contact(tx, change.before, change.after)
        _tell(tx, UPDATED, change)


def count_upserts(db: Database, outcomes: Iterable[Change | ServiceError]) -> None:
    """Count what became of upserts, once that is on disk."""
    counts: Counter[str] = Counter()
    for each in outcomes:
        if isinstance(each, ServiceError):
            counts[REJECTED_ROWS] += 1
        elif each.created:
            counts[WRITES["created"]] += 1
        else:
            counts[WRITES["updated" if each.changed else "unchanged"]] += 1
    db.counters.add(counts)


def get_contact(db: Database, phone: str) -> Contact:
    """Raises `NotFound`."""
    return find_contact(db.connection(), phone)


def edit_contact(
    db: Database, phone: str, edit: Edit, *, precondition: Precondition | None = None
) -> Change:
    """Change a known contact. Raises `NotFound`, `PreconditionFailed`, `ValidationError`."""

    def outcome(connection: Connection) -> Change:
        before = find_contact(connection, phone)
        _check(precondition, before)
        change = edit(before, clock.timestamp())
        check_types(connection, change)
        return change

    def write(tx: Connection) -> Change:
        change = outcome(tx)
        if change.before and change.changed:
            store.update_contact(tx, change.before, change.after)
            _tell(tx, UPDATED, change)
        return change

    planned = outcome(db.connection())
    change = db.write(write) if planned.changed else planned
    count_upserts(db, [change])
    return change


def remove_tag(
    db: Database, phone: str, tag: str, *, precondition: Precondition | None = None
) -> Change:
    """Raises `NotFound` for an unknown contact, and for a tag that no contact carries."""
    if not store.tag_exists(db.connection(), tag):
        get_contact(db, phone)
        raise NotFound("There is no such tag: no contact carries it.")
    return edit_contact(
        db,
        phone,
        lambda before, now: model.remove_tag(before, tag, now),
        precondition=precondition,
    )


def delete_contact(
    db: Database, phone: str, *, precondition: Precondition | None = None
) -> Contact:
    """Erase a contact, within seconds from the write-ahead log too.

    Raises `NotFound`, `PreconditionFailed`.
    """

    def write(tx: Connection) -> Contact:
        contact = find_contact(tx, phone)
        _check(precondition, contact)
        store.delete_contact(tx, contact)
        journal.erase_contact(tx, contact.phone, contact.id, clock.timestamp())
        return contact

    find_contact(db.connection(), phone)
    deleted = db.write(write)
    db.counters.add({WRITES["deleted"]: 1})
    db.erase()
    return deleted


def merge_contacts(
    db: Database, phone: str, other_phone: str, *, precondition: Precondition | None = None
) -> Change:
    """Merge another contact into that of `phone`; the other's phone goes on as its alias.

    A merge that was done before changes nothing. Raises `NotFound`, `ValidationError` where the
    merged contact would pass its limits.
    """

    def write(tx: Connection) -> Change:
        before = find_contact(tx, phone)
        _check(precondition, before)
        other = store.find_contact(tx, other_phone)
        if other is None:
            raise NotFound("There is no contact to merge from: see from.")
        change = model.merge(before, other, clock.timestamp())
        check_types(tx, change)
        if other.phone != before.phone:
            store.add_aliases(tx, before, other)
            store.delete_contact(tx, other)
            if change.changed:
                store.update_contact(tx, before, change.after)
            journal.merge_contact(tx, other.phone, before.phone)
            _tell(tx, MERGED, change, merged=other.id)
        elif other_phone == before.phone:
            raise Conflict(f"{before.id} cannot be merged into itself: see from.")
        return change

    change = db.write(write)
    db.counters.add({WRITES["merged"]: 1})
    return change


def _tell(tx: Connection, event: str, change: Change, **more: str) -> None:
    data = change.after.full_view() | {"changed": change.changed} | more
    journal.append(tx, event, clock.timestamp(), data, phone=change.after.phone)


def find_contact(db: Connection, phone: str) -> Contact:
    contact = store.find_contact(db, phone)
    if contact is None:
        raise NotFound("There is no such contact: create it with POST /v1/contacts.")
    return contact


def _check(precondition: Precondition | None, contact: Contact) -> None:
    if precondition and not precondition(contact.version()):
        raise PreconditionFailed("The contact has changed meanwhile: get it again, then retry.")
