"""Operations on contacts: upsert, patch, merge, delete and more; every write goes through here."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from app import clock
from app.api_keys.actor import acting_key
from app.contacts import alias_store, model, store, writer
from app.contacts.listeners import Written, announce
from app.contacts.model import Change, Contact, Draft
from app.contacts.store import Known, Save, Stored
from app.contacts.writer import Edit, Outcome
from app.database import Connection, Database, check_locked, note_erasure
from app.errors import Conflict, NotFound, PreconditionFailed, ServiceError
from app.journal import handlers as journal
from app.journal.model import MERGED

Precondition = Callable[[str], bool]

# What is counted of writes, by outcome.
WRITES = {
    each: f"writes {each}" for each in ("created", "updated", "unchanged", "deleted", "merged")
}
REJECTED_ROWS = "rejected_rows"


def upsert_contact(db: Database, draft: Draft, *, dry_run: bool = False) -> Change:
    """Create or update the contact of a phone; with `dry_run` only say what would happen.

    A draft that changes nothing writes nothing. Raises `InvalidInput` where the contact would
    exceed its limits or a pinned type does not fit, `Unavailable` and `InsufficientStorage` where
    it cannot be stored.
    """
    return _write(db, writer.upsert_edit(draft), dry_run=dry_run)


def _write(db: Database, edit: Edit, *, dry_run: bool = False) -> Change:
    """Plan an edit, and write it where it changes something. Raises what its plan raises.

    While other writes gather it joins them at once: a look-up of its own would cost more.
    """
    if dry_run:
        [planned] = writer.plan_edits(db.connection(), [edit])
        return _change(planned)
    change = None if db.gathers_writes() else _plan(db, edit)
    if change is None or change.has_effect:
        change = _change(db.write_together(writer.write_edits, edit))
    count_upserts(db, [change])
    return change


def _plan(db: Database, edit: Edit) -> Change:
    stored = store.find_stored(db.connection(), edit.phone)
    return edit.plan(stored.contact if stored else None, clock.precise_timestamp())


def _change(outcome: Outcome) -> Change:
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome


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


def get_with_aliases(db: Database, phone: str) -> tuple[Contact, list[str]]:
    """Return a contact and the phones that were merged into it. Raises `NotFound`."""
    with db.snapshot() as snapshot:
        stored = find_stored(snapshot, phone)
        return stored.contact, alias_store.list_aliases(snapshot, stored.id)


def edit_contact(
    db: Database,
    phone: str,
    edit: model.Edit,
    *,
    keys: Collection[str] = (),
    tags: Collection[str] = (),
    precondition: Precondition | None = None,
) -> Change:
    """Change a known contact. Raises `NotFound`, `PreconditionFailed`, `InvalidInput`.

    `keys` and `tags` name all custom fields that the edit may set and the tags that it may add.
    """

    def plan(before: Contact | None, now: str) -> Change:
        if before is None:
            raise _not_found()
        _check(precondition, before)
        return edit(before, now)

    return _write(db, Edit(phone, plan, acting_key(), keys, tags))


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
    actor = acting_key()

    def write(tx: Connection) -> Contact:
        locked = tx.lock_contacts([phone])
        stored = find_stored(tx, phone)
        check_locked(locked, [stored.id])
        contact = stored.contact
        _check(precondition, contact)
        store.delete_contact(tx, stored)
        note_erasure(tx)
        now = clock.timestamp()
        journal.erase_contact(tx, contact.phone, contact.id, now, actor)
        announce(tx, [Written(stored.id, contact, None, None, (), actor)], now)
        return contact

    find_contact(db.connection(), phone)
    deleted = db.write(write)
    db.counters.add({WRITES["deleted"]: 1})
    db.erase()
    return deleted


def merge_contacts(
    db: Database, phone: str, other_phone: str, *, precondition: Precondition | None = None
) -> Change:
    """Merge another contact into that of `phone`; the other's phone becomes an alias of it.

    A merge that was done before changes nothing, and writes nothing. Raises `NotFound`,
    `PreconditionFailed`, `Conflict`, and `InvalidInput` where the merged contact would exceed its
    limits.
    """

    def write(tx: Connection) -> _Merge:
        merge = _plan_merge(tx, phone, other_phone, precondition)
        if merge.other:
            _store_merge(tx, merge.stored, merge.other, merge.change, actor)
        return merge

    actor = acting_key()
    with db.snapshot() as snapshot:
        merge = _plan_merge(snapshot, phone, other_phone, precondition)
    if merge.other:
        merge = db.write(write, alone=True)
    if merge.other:  # Another request may have done it while this one waited.
        db.counters.add({WRITES["merged"]: 1})
    return merge.change


@dataclass(frozen=True)
class _Merge:
    """What a merge does; `other` is None where it was done before."""

    stored: Stored
    other: Stored | None
    change: Change


def _plan_merge(
    db: Connection, phone: str, other_phone: str, precondition: Precondition | None
) -> _Merge:
    stored = find_stored(db, phone)
    before = stored.contact
    _check(precondition, before)
    other = store.find_stored(db, other_phone)
    if other is None:
        raise NotFound("There is no contact to merge from: see from.")
    if other.id == stored.id:
        if other_phone == before.phone:
            raise Conflict(f"{before.id} cannot be merged into itself: see from.")
        return _Merge(stored, None, Change(before, before, []))
    now = clock.precise_timestamp()
    known = store.look_up(db, (), other.contact.custom_fields)
    change = model.merge(before, other.contact, now)
    return _Merge(stored, other, writer.convert_types(change, known.required_types, now))


def _store_merge(
    tx: Connection, stored: Stored, other: Stored, change: Change, actor: str | None
) -> None:
    row, now = store.columns(change.after), clock.timestamp()
    gained = alias_store.add_aliases(tx, stored, other)
    store.delete_contact(tx, other)
    if change.changed:
        store.save(tx, [Save(stored, change.after, row)], Known())
    journal.merge_contact(tx, other.contact.phone, stored.contact.phone)
    data = writer.event_data(row, change, merged=other.contact.id)
    own = ((MERGED, change.after.phone, actor, data),)
    gone = Written(other.id, other.contact, None, None, (), actor, own, survivor=change.after.phone)
    names = [*change.changed, "phone", "id"]
    survivor = Written(stored.id, stored.contact, change.after, row, names, actor, (), gained)
    announce(tx, [gone, survivor], now)


def find_contact(db: Connection, phone: str) -> Contact:
    """Raises `NotFound`."""
    return find_stored(db, phone).contact


def find_stored(db: Connection, phone: str) -> Stored:
    """Raises `NotFound`."""
    stored = store.find_stored(db, phone)
    if stored is None:
        raise _not_found()
    return stored


def _not_found() -> NotFound:
    return NotFound("There is no such contact: create it with POST /v1/contacts.")


def _check(precondition: Precondition | None, contact: Contact) -> None:
    if precondition and not precondition(contact.version()):
        raise PreconditionFailed(
            "The contact was changed by another request: get it again, then retry."
        )
