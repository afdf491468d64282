"""What is done with tags: each change goes over the contacts that carry one, in batches.

The intention is stored with the first batch, so that whoever comes next can finish it.
"""

from functools import partial

from app import clock
from app.contacts import model as contacts
from app.contacts.sweeps import FIRST_BATCH, Begun, edit_contacts, finish_in_background, sweep
from app.database import Connection, Database
from app.errors import NotFound
from app.journal import handlers as journal
from app.journal.model import TAG_DELETED, TAG_RENAMED
from app.tags import store
from app.tags.model import Sweep


def rename_tag(db: Database, name: str, new_name: str) -> tuple[int, int]:
    """Rename a tag, or merge it into the one that has the new name already.

    Returns how many contacts carry the new name, and how many carried the old one. Raises
    `NotFound`; where it raises another error after it began, it is finished in the background.
    """
    changed = _sweep(db, name, new_name) if name != new_name else 0
    tag = store.find_tag(db.connection(), new_name)
    if tag is None and not changed:
        raise _unknown()
    return tag.contacts if tag else 0, changed


def delete_tag(db: Database, name: str) -> int:
    """Remove a tag from all contacts; returns how many carried it. Raises as `rename_tag`."""
    return _sweep(db, name, None)


def finish_sweeps(db: Database) -> None:
    """Finish in the background what a process that ended has left behind."""
    finish_in_background(
        db,
        "tags",
        lambda connection: [
            partial(_advance, pending.tag_id) for pending in store.list_sweeps(connection)
        ],
    )


def _sweep(db: Database, name: str, new_name: str | None) -> int:
    return sweep(db, partial(_begin, name=name, new_name=new_name), finish_sweeps)


def _begin(tx: Connection, *, name: str, new_name: str | None) -> Begun:
    """Return a pending change of one of these tags, or else begin the one that is asked for.

    The pending one may be the same: a client asks again after a time-out, and finds then what
    came meanwhile, or nothing.
    """
    tag = store.find_tag(tx, name)
    for pending in store.list_sweeps(tx):
        if pending.names() & {name, new_name}:
            same = (pending.name, pending.new_name) == (name, new_name)
            carried = tag.contacts if tag and same else 0
            return Begun(partial(_advance, pending.tag_id), carried, own=False)
    if tag is None:
        raise _unknown()
    store.insert_sweep(tx, tag, new_name)
    _advance(tag.id, tx, FIRST_BATCH)
    return Begun(partial(_advance, tag.id), tag.contacts, own=True)


def _advance(tag_id: int, tx: Connection, size: int) -> bool:
    """Change the next contacts; True when none is left, whoever has done the last of them."""
    pending = store.find_sweep(tx, tag_id)
    if pending is None:
        return True
    ids = store.next_contacts(tx, pending, size)
    if ids:
        edit_contacts(tx, ids, partial(_edit, pending))
        store.move_links(tx, pending, ids)
    done = len(ids) < size
    if done:
        store.delete_sweep(tx, pending)
        _tell(tx, pending)
    return done


def _edit(pending: Sweep, before: contacts.Contact, now: str) -> contacts.Change:
    if pending.new_name is None:
        return contacts.remove_tag(before, pending.name, now)
    return contacts.rename_tag(before, pending.name, pending.new_name, now)


def _tell(tx: Connection, done: Sweep) -> None:
    """Tell of all contacts at once: each would be a page of journal for one word."""
    if done.new_name is None:
        journal.append(tx, TAG_DELETED, clock.timestamp(), {"name": done.name})
    else:
        data = {"name": done.name, "new_name": done.new_name}
        journal.append(tx, TAG_RENAMED, clock.timestamp(), data)


def _unknown() -> NotFound:
    return NotFound("There is no such tag: no contact carries it.")
