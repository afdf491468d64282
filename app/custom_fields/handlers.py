"""Pins and deletes custom fields; a deletion is a sweep over the contacts that have the field."""

from functools import partial

from app import clock
from app.api_keys.actor import acting_key
from app.contacts.listeners import finish_listeners, listeners
from app.contacts.model import remove_custom_field
from app.contacts.sweeps import (
    FIRST_BATCH,
    StartedSweep,
    edit_contacts,
    finish_in_background,
    sweep,
)
from app.custom_fields import store
from app.custom_fields.model import CustomField
from app.database import Connection, Database
from app.errors import NotFound
from app.journal import handlers as journal
from app.journal.model import FIELD_DELETED


def pin_custom_field(
    db: Database, key: str, *, label: str | None, required_type: str | None
) -> CustomField:
    """Set the label and the required type of a field, which can be new; None removes either.

    Stored values stay as they are.
    """

    def write(tx: Connection) -> CustomField:
        before = store.find_custom_field(tx, key)
        field = store.pin_custom_field(tx, key, label, required_type)
        if required_type != (before and before.required_type):
            for each in listeners():
                each.field_pinned(tx, key)
        if not field.contacts and label is None and required_type is None:
            store.delete_custom_field(tx, field)
        return field

    field = db.write(write, alone=True)
    finish_listeners(db)
    return field


def delete_custom_field(db: Database, key: str) -> int:
    """Remove a field from all contacts, with its label and type; return how many had it.

    Raises `NotFound`. After `Unavailable` or `InsufficientStorage` the
    deletion is finished in the background.
    """
    changed = sweep(db, partial(_start, key=key, actor=acting_key()), finish_sweeps)
    finish_listeners(db)
    return changed


def finish_sweeps(db: Database) -> None:
    """Finish in the background what an ended process left unfinished."""
    finish_in_background(
        db,
        "custom fields",
        lambda connection: [
            partial(_run_batch, each.field_id) for each in store.list_sweeps(connection)
        ],
    )


def _start(tx: Connection, *, key: str, actor: str | None = None) -> StartedSweep:
    """Return the pending deletion of a field, or start one and run its first batch."""
    field = store.find_custom_field(tx, key)
    if field is None:
        raise NotFound("There is no such custom field: no contact has it.")
    if not field.contacts:
        store.delete_custom_field(tx, field)
        return StartedSweep(partial(_run_batch, field.id), 0, is_requested=True)
    store.pin_custom_field(tx, key, None, None)
    if field.required_type:
        for each in listeners():
            each.field_pinned(tx, key)
    pending = store.find_sweep(tx, field.id)
    if pending is None:
        store.insert_sweep(tx, field, actor)
        _run_batch(field.id, tx, FIRST_BATCH)
    return StartedSweep(partial(_run_batch, field.id), field.contacts, is_requested=pending is None)


def _run_batch(field_id: int, tx: Connection, size: int) -> bool:
    """Change the next contacts; return True when none is left, also where another thread did it."""
    pending = store.find_sweep(tx, field_id)
    if pending is None:
        return True
    values = store.next_values(tx, pending, size)
    if values:
        ids = [each.contact_id for each in values if each.contact_id <= pending.last]
        edit_contacts(
            tx,
            ids,
            lambda before, now: remove_custom_field(before, pending.key, now),
            pending.actor,
        )
        store.delete_values(tx, pending, values[-1])
    done = len(values) < size
    if done:
        store.delete_sweep(tx, pending)
        data = {"key": pending.key}
        journal.append(tx, FIELD_DELETED, clock.timestamp(), data, actor=pending.actor)
    return done


def list_keys(db: Database) -> list[str]:
    """Return the keys of all fields that contacts have, sorted."""
    return store.list_keys(db.connection())
