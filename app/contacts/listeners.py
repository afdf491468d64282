"""Listeners: functions called with every change of contacts, in its transaction.

`create_app` and the commands that write contacts name the listeners; no module of this feature
knows what they do.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from app.contacts.model import Contact
from app.contacts.store import Row as Row
from app.contacts.store import full_view as full_view
from app.database import Connection, Database
from app.journal import handlers as journal

NewEvent = tuple[str, str, str | None, str]
"""An event to append: its kind, the contact's phone, who made the change, and data as JSON."""


class Written(NamedTuple):
    """A stored change of one contact.

    `id` is its row id. `before` is None for a new contact, `after` and `row`, what is stored of it,
    are None for one that is gone. `changed` names fields. `actor` is the id of the API key that
    made the change, None for a command. `events` are the change's own: none in a sweep, which
    appends one for all contacts. Of a merge, `aliases` are the phones that a contact gained, and
    `survivor` is the phone of the contact that one was merged into.
    """

    id: int
    before: Contact | None
    after: Contact | None
    row: Row | None
    changed: Collection[str]
    actor: str | None
    events: Sequence[NewEvent] = ()
    aliases: Collection[str] = ()
    survivor: str | None = None


class Listener(Protocol):
    """Takes part in changes; its statements and events are in the transaction of the change."""

    def contacts_changed(
        self, tx: Connection, changes: Sequence[Written], now: str
    ) -> Sequence[Sequence[NewEvent]]:
        """Return the events that follow from each change, which is stored, at an instant."""
        ...

    def tag_rename_begins(self, tx: Connection, name: str, new_name: str) -> None:
        """Note that a sweep will replace a tag, in whose course contacts have either."""
        ...

    def tag_rename_ends(self, tx: Connection, name: str, new_name: str) -> None: ...

    def field_pinned(self, tx: Connection, key: str) -> None:
        """Note that the type changed that a custom field is pinned to."""
        ...

    def finish(self, db: Database) -> None:
        """Do what changes of tags and fields left to do, outside of their transactions."""
        ...


_listeners: tuple[Listener, ...] = ()


def listen(*listeners: Listener) -> None:
    """Set the listeners of this process."""
    global _listeners
    _listeners = listeners


def listeners() -> tuple[Listener, ...]:
    return _listeners


def finish_listeners(db: Database) -> None:
    """Let listeners do what changes of tags and fields left to do."""
    for each in _listeners:
        each.finish(db)


def announce(tx: Connection, changes: Sequence[Written], now: str) -> None:
    """Append the events of changes, each change's own followed by those of the listeners."""
    followed = [each.contacts_changed(tx, changes, now) for each in _listeners]
    events: list[NewEvent] = []
    for index, change in enumerate(changes):
        events += change.events
        for found in followed:
            events += found[index]
    journal.append_all(tx, now, events)
