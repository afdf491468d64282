"""Batches of upserts: each row has the result of a single upsert; many rows share a commit."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate, islice

from app.contacts import alias_store, handlers, store, writer
from app.contacts.model import Change, Draft
from app.contacts.writer import Contacts, Edit, Outcome, upsert_edit
from app.database import Connection, Database
from app.errors import (
    InsufficientStorage,
    InvalidInput,
    PayloadTooLarge,
    ServiceError,
    Unavailable,
)

CHUNK_SECONDS = 0.1  # How long other writers may wait for a chunk of a batch that is not atomic.
SLICE = 250  # Rows that are looked up and written together,
SLICE_LINKS = 2_000  # or fewer, with this many tags and custom fields.
ATOMIC_LINKS = 20_000  # A second or two, in which other writers wait.
PAUSE_SECONDS = 0.002  # Lets other threads of this process run (GIL).

Check = Callable[[object], Draft]
"""Returns the draft of what a client sent for one contact. Raises `InvalidInput`."""

Checked = Draft | ServiceError
"""A row that may be stored, or what is wrong with it."""


def upsert_contacts(
    db: Database, rows: Sequence[object], check: Check, *, atomic: bool, dry_run: bool = False
) -> list[Outcome]:
    """Create or update contacts, row by row in order; return the outcome of each row.

    An invalid row fails alone. If `atomic`, it rejects all rows: raises `InvalidInput` with details
    by row number, or `PayloadTooLarge`. Rows that are not atomic are committed in chunks. Raises
    `Unavailable` or `InsufficientStorage` if the store fails before anything is stored.
    """
    drafts = [_checked(row, check) for row in rows]
    if atomic:
        _refuse_failed(drafts)
        if sum(map(_links, drafts)) > ATOMIC_LINKS:
            raise PayloadTooLarge(
                f"More than {ATOMIC_LINKS} tags and custom fields cannot be stored at once, since "
                "other writers would wait too long: send fewer rows, or leave out atomic."
            )
    if dry_run:
        outcomes = plan_all(db, drafts)
        if atomic:
            _refuse_failed(outcomes)
        return outcomes
    if not atomic:
        return upsert_all(db, drafts)

    def write(tx: Connection) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(drafts):
            outcomes += _upsert_slice(tx, _slice(drafts[len(outcomes) :]))
        _refuse_failed(outcomes)
        return outcomes

    outcomes = db.write_long(write)
    handlers.count_upserts(db, outcomes)
    return outcomes


def upsert_all(db: Database, drafts: Sequence[Checked]) -> list[Outcome]:
    """Store drafts in chunks, each in a transaction of its own.

    What the store refuses after the first chunk becomes the outcome of all rows that are left.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(drafts):
        if outcomes:
            time.sleep(PAUSE_SECONDS)
        try:
            chunk = _settled_chunk(db, drafts[len(outcomes) :])
        except (Unavailable, InsufficientStorage) as error:
            if not any(isinstance(each, Change) for each in outcomes):
                raise
            return outcomes + [
                draft if isinstance(draft, ServiceError) else error
                for draft in drafts[len(outcomes) :]
            ]
        handlers.count_upserts(db, chunk)
        outcomes += chunk
    return outcomes


def _settled_chunk(db: Database, drafts: Sequence[Checked]) -> list[Outcome]:
    """Settle the first of the drafts; without a transaction where they change nothing."""
    first = _slice(drafts)
    phones = dict.fromkeys(each.phone for each in first if isinstance(each, Draft))
    if _are_stored(db, list(phones)):
        outcomes = plan_all(db, first)
        if not any(isinstance(each, Change) and each.has_effect for each in outcomes):
            return outcomes
    return _upsert_chunk(db, drafts)


def _are_stored(db: Database, phones: Sequence[str]) -> bool:
    """Tell whether all have a contact; the first is asked for alone: mostly all are new or none."""
    for asked in (phones[:1], phones[1:]):
        if asked and len(alias_store.find_phones(db.connection(), asked)) < len(asked):
            return False
    return True


def _upsert_chunk(db: Database, drafts: Sequence[Checked]) -> list[Outcome]:
    """Store the first of the drafts, at least one slice, as many as time allows."""

    def write(tx: Connection) -> list[Outcome]:
        outcomes: list[Outcome] = []
        end = time.monotonic() + CHUNK_SECONDS
        while len(outcomes) < len(drafts):
            outcomes += _upsert_slice(tx, _slice(drafts[len(outcomes) :]))
            if time.monotonic() > end:
                break
        return outcomes

    return db.write_long(write)


def _slice(drafts: Sequence[Checked]) -> Sequence[Checked]:
    """Return the first of the drafts, as many as are written in some hundredths of a second."""
    links = accumulate(map(_links, drafts[:SLICE]))
    return drafts[: 1 + sum(1 for each in islice(links, SLICE - 1) if each < SLICE_LINKS)]


def _links(draft: Checked) -> int:
    if isinstance(draft, ServiceError):
        return 0
    tags = draft.tags or draft.add_tags
    return len(tags) + len(draft.remove_tags) + len(draft.custom_fields)


def _upsert_slice(tx: Connection, drafts: Sequence[Checked]) -> list[Outcome]:
    return _with_failed(drafts, lambda edits: writer.write_edits(tx, edits))


def plan_all(
    db: Database, drafts: Sequence[Checked], planned: Contacts | None = None
) -> list[Outcome]:
    """Return what would become of the drafts, one after the other, and store nothing.

    `planned` has what became of contacts before, by phone; what changes now is added.
    """
    with db.snapshot() as snapshot:
        return _with_failed(drafts, lambda edits: writer.plan_edits(snapshot, edits, planned))


def known_phones(db: Database, phones: Collection[str]) -> Collection[str]:
    """Return those phones that have a contact, also as the alias of a merged one."""
    return store.look_up(db.connection(), phones).contacts.keys()


def required_types(db: Database, keys: Collection[str]) -> Mapping[str, str]:
    """Return the pinned types of those custom fields that have one."""
    return store.look_up(db.connection(), (), keys).required_types


def new_names(
    db: Database, keys: Collection[str], tags: Collection[str]
) -> tuple[list[str], list[str]]:
    """Return those keys of custom fields, and those tags, that the store does not know yet."""
    known = store.look_up(db.connection(), (), keys, tags).ids
    return [key for key in keys if key not in known.fields], [
        tag for tag in tags if tag not in known.tags
    ]


def _with_failed(
    drafts: Sequence[Checked], run: Callable[[list[Edit]], list[Outcome]]
) -> list[Outcome]:
    """Run the edits of all drafts that may be stored; a failed one is its own outcome."""
    found = iter(run([upsert_edit(each) for each in drafts if isinstance(each, Draft)]))
    return [next(found) if isinstance(each, Draft) else each for each in drafts]


def _checked(row: object, check: Check) -> Checked:
    try:
        return check(row)
    except InvalidInput as error:
        return error


def _refuse_failed(outcomes: Sequence[Draft | Outcome]) -> None:
    failed = {
        str(index): each.details
        for index, each in enumerate(outcomes)
        if isinstance(each, ServiceError)
    }
    if failed:
        raise InvalidInput(failed)
