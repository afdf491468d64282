"""Renames, merges and deletes tags: each is a sweep over the contacts that have the tag."""

from functools import partial

from app import clock
from app.api_keys.actor import acting_key
from app.contacts import model as contacts
from app.contacts.listeners import finish_listeners, listeners
from app.contacts.sweeps import (
    FIRST_BATCH,
    StartedSweep,
    edit_contacts,
    finish_in_background,
    sweep,
)
from app.database import Connection, Database
from app.errors import NotFound
from app.journal import handlers as journal
from app.journal.model import TAG_DELETED, TAG_RENAMED
from app.tags import store
from app.tags.model import Sweep


def rename_tag(db: Database, name: str, new_name: str) -> tuple[int, int]:
    """Rename a tag, or merge it into the tag that has the new name.

    Returns how many contacts have the new name, and how many had the old one. Raises `NotFound`.
    After `Unavailable` or `InsufficientStorage` it is finished in the background.
    """
    changed = _sweep(db, name, new_name) if name != new_name else 0
    finish_listeners(db)
    tag = store.find_tag(db.connection(), new_name)
    if tag is None and not changed:
        raise _not_found()
    return tag.contacts if tag else 0, changed


def delete_tag(db: Database, name: str) -> int:
    """Remove a tag from all contacts; return how many had it. Raises as `rename_tag` does."""
    return _sweep(db, name, None)


def finish_sweeps(db: Database) -> None:
    """Finish in the background what an ended process left unfinished."""
    finish_in_background(
        db,
        "tags",
        lambda connection: [
            partial(_run_batch, pending.tag_id) for pending in store.list_sweeps(connection)
        ],
    )


def _sweep(db: Database, name: str, new_name: str | None) -> int:
    start = partial(_start, name=name, new_name=new_name, actor=acting_key())
    return sweep(db, start, finish_sweeps)


def _start(
    tx: Connection, *, name: str, new_name: str | None, actor: str | None = None
) -> StartedSweep:
    """Start the requested sweep and run its first batch, or return a pending one that comes first.

    A pending sweep comes first where it has a tag in common. It can be the same one, when a client
    repeats a request after a time-out.
    """
    tag = store.find_tag(tx, name)
    for pending in store.list_sweeps(tx):
        if pending.names() & {name, new_name}:
            same = (pending.name, pending.new_name) == (name, new_name)
            carried = tag.contacts if tag and same else 0
            return StartedSweep(partial(_run_batch, pending.tag_id), carried, is_requested=False)
    if tag is None:
        raise _not_found()
    store.insert_sweep(tx, tag, new_name, actor)
    if new_name is not None:
        for each in listeners():
            each.tag_rename_begins(tx, name, new_name)
    _run_batch(tag.id, tx, FIRST_BATCH)
    return StartedSweep(partial(_run_batch, tag.id), tag.contacts, is_requested=True)


def _run_batch(tag_id: int, tx: Connection, size: int) -> bool:
    """Change the next contacts; return True when none is left, also where another thread did it."""
    pending = store.find_sweep(tx, tag_id)
    if pending is None:
        return True
    ids = store.next_contacts(tx, pending, size)
    if ids:
        edit_contacts(tx, ids, partial(_edit, pending), pending.actor)
        store.move_links(tx, pending, ids)
    done = len(ids) < size
    if done:
        store.delete_sweep(tx, pending)
        if pending.new_name is not None:
            for each in listeners():
                each.tag_rename_ends(tx, pending.name, pending.new_name)
        _append_event(tx, pending)
    return done


def _edit(pending: Sweep, before: contacts.Contact, now: str) -> contacts.Change:
    if pending.new_name is None:
        return contacts.remove_tag(before, pending.name, now)
    return contacts.rename_tag(before, pending.name, pending.new_name, now)


def _append_event(tx: Connection, done: Sweep) -> None:
    """Append one event for all contacts: one each would fill the journal for a single word."""
    if done.new_name is None:
        event, data = TAG_DELETED, {"name": done.name}
    else:
        event, data = TAG_RENAMED, {"name": done.name, "new_name": done.new_name}
    journal.append(tx, event, clock.timestamp(), data, actor=done.actor)


def _not_found() -> NotFound:
    return NotFound("There is no such tag: no contact carries it.")
