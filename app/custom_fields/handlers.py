"""What is done with custom fields; a deletion goes over the contacts that have one, in batches."""

from functools import partial

from app import clock
from app.contacts.model import remove_custom_field
from app.contacts.sweeps import FIRST_BATCH, Begun, edit_contacts, finish_in_background, sweep
from app.custom_fields import store
from app.custom_fields.model import CustomField
from app.database import Connection, Database
from app.errors import NotFound
from app.journal import handlers as journal
from app.journal.model import FIELD_DELETED


def pin_custom_field(
    db: Database, key: str, *, label: str | None, required_type: str | None
) -> CustomField:
    """Label a field and pin its type, known or not; None takes away what was there.

    Values that are stored stay as they are.
    """

    def write(tx: Connection) -> CustomField:
        field = store.pin_custom_field(tx, key, label, required_type)
        if not field.contacts and label is None and required_type is None:
            store.delete_custom_field(tx, field)
        return field

    return db.write(write)


def delete_custom_field(db: Database, key: str) -> int:
    """Remove a field from all contacts, and what is pinned of it; returns how many had it.

    Raises `NotFound`; where it raises another error after it began, it is finished in the
    background.
    """
    return sweep(db, partial(_begin, key=key), finish_sweeps)


def finish_sweeps(db: Database) -> None:
    """Finish in the background what a process that ended has left behind."""
    finish_in_background(
        db,
        "custom fields",
        lambda connection: [partial(_advance, id) for id in store.list_sweeps(connection)],
    )


def _begin(tx: Connection, *, key: str) -> Begun:
    """Return the pending deletion of a field, or else begin it."""
    field = store.find_custom_field(tx, key)
    if field is None:
        raise NotFound("There is no such custom field: no contact has it.")
    if not field.contacts:
        store.delete_custom_field(tx, field)
        return Begun(partial(_advance, field.id), 0, own=True)
    store.pin_custom_field(tx, key, None, None)
    pending = store.find_sweep(tx, field.id)
    if pending is None:
        store.insert_sweep(tx, field)
        _advance(field.id, tx, FIRST_BATCH)
    return Begun(partial(_advance, field.id), field.contacts, own=pending is None)


def _advance(field_id: int, tx: Connection, size: int) -> bool:
    """Change the next contacts; True when none is left, whoever has done the last of them."""
    pending = store.find_sweep(tx, field_id)
    if pending is None:
        return True
    values = store.next_values(tx, pending, size)
    if values:
        ids = [each.contact_id for each in values if each.contact_id <= pending.last]
        edit_contacts(tx, ids, lambda before, now: remove_custom_field(before, pending.key, now))
        store.delete_values(tx, pending, values[-1])
    done = len(values) < size
    if done:
        store.delete_sweep(tx, pending)
        journal.append(tx, FIELD_DELETED, clock.timestamp(), {"key": pending.key})
    return done


def list_keys(db: Database) -> list[str]:
    """Return the keys of all fields that contacts have, in their order."""
    return store.list_keys(db.connection())
