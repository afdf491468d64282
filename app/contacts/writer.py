"""The one way to write contacts: plans edits, stores what changes, appends the events.

Edits of several requests that wait for the database at the same time are written together, and so
are the rows of a batch or an import. An edit that fails fails alone: nothing of it is written.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from app import clock
from app.api_keys.actor import acting_key
from app.compact_json import encode, encode_names
from app.contacts import store
from app.contacts.alias_store import insert_aliases
from app.contacts.listeners import Written, announce
from app.contacts.model import Change, Contact, Draft, upsert
from app.contacts.model import change as compare
from app.contacts.store import Known, Row, Save
from app.contacts.values import NOUNS, NotConvertible, convert
from app.database import Connection, check_locked
from app.errors import InvalidInput, ServiceError
from app.journal.model import CREATED, MERGED, UPDATED

Plan = Callable[[Contact | None, str], Change]
"""Makes a change of a contact, None where there is none yet, at an instant to the microsecond.

Raises a `ServiceError`, and depends on nothing but its arguments: it may run more than once.
"""

Outcome = Change | ServiceError
"""What became of an edit."""


class Edit(NamedTuple):
    """A wish to change the contact of a phone.

    `actor` is the id of the API key that makes it, None for a command. `keys` and `tags` name all
    custom fields that it may set, and the tags that it may add. Where no contact has the phone, it
    changes that of one of the `twins`, if one is stored. `aliases` shall find the contact too.
    """

    phone: str
    plan: Plan
    actor: str | None
    keys: Collection[str] = ()
    tags: Collection[str] = ()
    twins: Collection[str] = ()
    aliases: Collection[str] = ()

    @property
    def phones(self) -> tuple[str, ...]:
        """Those of contacts that it may change."""
        return (self.phone, *self.twins)

    @property
    def known_phones(self) -> tuple[str, ...]:
        return (*self.phones, *self.aliases)


class Contacts(Protocol):
    """Contacts by their phone, as they are after the edits that were planned before."""

    def get(self, phone: str, default: Contact | None, /) -> Contact | None: ...

    def __setitem__(self, phone: str, contact: Contact, /) -> None: ...


def upsert_edit(draft: Draft) -> Edit:
    """Return the edit that creates or updates the contact of a draft's phone."""
    return Edit(
        draft.phone,
        lambda before, now: upsert(before, draft, now),
        acting_key(),
        draft.custom_fields.keys(),
        draft.tags or draft.add_tags,
        draft.twins,
        draft.aliases,
    )


def plan_edits(
    db: Connection, edits: Sequence[Edit], planned: Contacts | None = None
) -> list[Outcome]:
    """Return what edits would do, one after the other, and store nothing. Needs a snapshot.

    `planned` has the contacts as earlier plans left them; what changes now is added to it.
    """
    planned = {} if planned is None else planned
    return _plan(edits, _look_up(db, edits), clock.precise_timestamp(), planned)


def write_edits(tx: Connection, edits: Sequence[Edit]) -> list[Outcome]:
    """Apply edits in their order, in the caller's transaction; return what became of each."""
    locked = tx.lock_contacts({phone for edit in edits for phone in edit.known_phones})
    known, now = _look_up(tx, edits), clock.precise_timestamp()
    check_locked(locked, (each.id for each in known.contacts.values()))
    outcomes = _plan(edits, known, now, {})
    changes = [
        (each, edit.actor)
        for each, edit in zip(outcomes, edits, strict=True)
        if isinstance(each, Change)
    ]
    _store_changes(tx, changes, known, now)
    return outcomes


def _look_up(db: Connection, edits: Sequence[Edit]) -> Known:
    if len(edits) == 1:
        return store.look_up(db, edits[0].known_phones, edits[0].keys, edits[0].tags)
    return store.look_up(
        db,
        dict.fromkeys(phone for edit in edits for phone in edit.known_phones),
        {key for edit in edits for key in edit.keys},
        {tag for edit in edits for tag in edit.tags},
    )


def _plan(edits: Sequence[Edit], known: Known, now: str, planned: Contacts) -> list[Outcome]:
    outcomes: list[Outcome] = []
    claimed: dict[str, str] = {}
    for edit in edits:
        phone, before = _find(edit, known, planned, claimed)
        try:
            change = edit.plan(before, now)
            if known.required_types:
                change = convert_types(change, known.required_types, now)
            if edit.aliases:
                gained = _new_aliases(edit, phone, known, planned, claimed)
                claimed |= dict.fromkeys(gained, phone)
                change = change._replace(aliases=gained)
        except ServiceError as error:
            outcomes.append(error)
            continue
        if change.has_effect:
            planned[phone] = change.after
        outcomes.append(change)
    return outcomes


def _find(
    edit: Edit, known: Known, planned: Contacts, claimed: Mapping[str, str]
) -> tuple[str, Contact | None]:
    """Return the contact that an edit changes, as it is by now, and its phone.

    That is another phone than the one asked for where that was merged, or a twin is stored.
    `claimed` has the aliases of earlier edits.
    """
    for asked in edit.phones:
        stored = known.contacts.get(asked)
        phone = stored.contact.phone if stored else claimed.get(asked, asked)
        if found := planned.get(phone, stored.contact if stored else None):
            return phone, found
    return edit.phone, None


def _new_aliases(
    edit: Edit, phone: str, known: Known, planned: Contacts, claimed: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the phones that an edit adds to those that find a contact.

    Raises `InvalidInput` for one that finds another contact.
    """
    gained = []
    for alias in dict.fromkeys(edit.aliases):
        stored = known.contacts.get(alias)
        owner = stored.contact.phone if stored else claimed.get(alias)
        if owner is None and planned.get(alias, None):
            owner = alias
        if owner not in (None, phone):
            reason = f"{alias} belongs to cnt_{owner}: merge that contact, or leave the number out."
            raise InvalidInput({"aliases": [reason]})
        if owner is None and alias != phone:
            gained.append(alias)
    return tuple(gained)


def convert_types(change: Change, required_types: Mapping[str, str], now: str) -> Change:
    """Return a change whose values have the types that their custom fields are pinned to.

    Raises `InvalidInput` for a value that cannot be converted without a loss. Values that do not
    change stay as they are.
    """
    fields, reasons = dict(change.after.custom_fields), {}
    for key, required in required_types.items():
        if f"custom_fields.{key}" in change.changed and key in fields:
            try:
                fields[key] = convert(fields[key], required)
            except NotConvertible:
                reasons[key] = [f"Must be {NOUNS[required]}: this field is pinned to that type."]
    if reasons:
        raise InvalidInput({"custom_fields": reasons})
    if fields == change.after.custom_fields:
        return change
    after = change.after._replace(custom_fields=fields)
    if change.before is None:
        return Change(None, after, change.changed)
    return compare(change.before, change.before, after, now)


def _store_changes(
    tx: Connection, changes: Sequence[tuple[Change, str | None]], known: Known, now: str
) -> None:
    """Write each contact as its last change leaves it, and append an event for every change.

    With each change comes the id of the API key that made it.
    """
    stored = {each.contact.phone: each for each in known.contacts.values()}
    saves: dict[str, Save] = {}
    rows: list[tuple[Change, str | None, Row]] = []
    for change, actor in changes:
        if change.has_effect:
            after, row = change.after, store.columns(change.after)
            saves[after.phone] = Save(stored.get(after.phone), after, row)
            rows.append((change, actor, row))
    if saves:
        ids = store.save(tx, list(saves.values()), known)
        gained = [(alias, ids[each.after.phone]) for each, *_ in rows for alias in each.aliases]
        insert_aliases(tx, gained)
        written = [_written(ids[each[0].after.phone], *each) for each in rows]
        announce(tx, written, clock.whole_second(now))


def _written(id: int, change: Change, actor: str | None, row: Row) -> Written:
    after, own = change.after, []
    if change.created or change.changed:
        event = CREATED if change.created else UPDATED
        own.append((event, after.phone, actor, event_data(row, change)))
    names, unchanged = change.changed, Change(after, after, [])
    for alias in change.aliases:
        data = event_data(row, unchanged, merged=f"cnt_{alias}")
        own.append((MERGED, after.phone, actor, data))
        names = [*change.changed, "phone", "id"]
    return Written(id, change.before, after, row, names, actor, own, change.aliases)


def event_data(row: Row, change: Change, merged: str | None = None) -> str:
    """Return an event's data as JSON: the contact's full view, what changed, and its value before.

    `row` has the stored columns of the contact after the change.
    """
    more = f',"merged":{encode(merged)}' if merged else ""
    return (
        f'{store.full_view(row)[:-1]},"changed":{encode_names(tuple(change.changed))},'
        f'"previous":{encode(change.previous()) if change.before else "{}"}{more}}}'
    )
