"""Many upserts at once: each row as a single one would be, many rows in one commit."""

import time
from collections.abc import Callable, Sequence

from app.contacts import handlers, store
from app.contacts.model import Change, Contact, Draft
from app.database import Connection, Database
from app.errors import InsufficientStorage, ServiceError, Unavailable, ValidationError

CHUNK_SECONDS = 0.2  # So long may other writers wait for rows that need not stand together.
PAUSE_SECONDS = 0.002  # For this process' other threads, which want the interpreter.

Check = Callable[[object], Draft]
"""Makes a draft of what a client sent for one contact. Raises `ValidationError`."""

Outcome = Change | ServiceError
"""What became of a row."""


def upsert_contacts(
    db: Database, rows: Sequence[object], check: Check, *, atomic: bool, dry_run: bool = False
) -> list[Outcome]:
    """Create or update contacts, row by row in their order; return what became of each row.

    A row at fault fails alone, or all of them where they are `atomic`: raises `ValidationError`
    with details by the numbers of the rows. Rows that are not are committed in chunks; where the
    store fails before anything is stored, raises `Unavailable` or `InsufficientStorage`.
    """
    drafts = [_checked(row, check) for row in rows]
    if atomic:
        _refuse_failed(drafts)
    if dry_run:
        outcomes = foresee_all(db, drafts)
        if atomic:
            _refuse_failed(outcomes)
        return outcomes
    if not atomic:
        return upsert_all(db, drafts)
    with db.transaction() as tx:
        outcomes = [_upsert(tx, draft) for draft in drafts]
        _refuse_failed(outcomes)
    handlers.count_upserts(db, outcomes)
    return outcomes


def upsert_all(db: Database, drafts: Sequence[Draft | ServiceError]) -> list[Outcome]:
    """Store drafts in chunks, each in a transaction of its own.

    What the store refuses after the first chunk becomes the outcome of all rows that are left.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(drafts):
        if outcomes:
            time.sleep(PAUSE_SECONDS)
        try:
            outcomes += _upsert_chunk(db, drafts[len(outcomes) :])
        except (Unavailable, InsufficientStorage) as error:
            if not any(isinstance(each, Change) for each in outcomes):
                raise
            return outcomes + [
                draft if isinstance(draft, ServiceError) else error
                for draft in drafts[len(outcomes) :]
            ]
    return outcomes


def _upsert_chunk(db: Database, drafts: Sequence[Draft | ServiceError]) -> list[Outcome]:
    """Store the first of the drafts, at least one, as many as time allows."""
    outcomes: list[Outcome] = []
    with db.transaction() as tx:
        end = time.monotonic() + CHUNK_SECONDS
        for draft in drafts:
            outcomes.append(_upsert(tx, draft))
            if time.monotonic() > end:
                break
    handlers.count_upserts(db, outcomes)
    return outcomes


def foresee_all(db: Database, drafts: Sequence[Draft | ServiceError]) -> list[Outcome]:
    """Return what would become of the drafts, one after the other, and store nothing."""
    outcomes: list[Outcome] = []
    contacts: dict[str, Contact] = {}
    with db.snapshot() as snapshot:
        for draft in drafts:
            outcome = _settled(lambda each: _foreseen(snapshot, each, contacts), draft)
            outcomes.append(outcome)
    return outcomes


def _foreseen(db: Connection, draft: Draft, contacts: dict[str, Contact]) -> Change:
    """Foresee one upsert after those that made `contacts`, by phone."""
    before = store.find_contact(db, draft.phone)
    phone = before.phone if before else draft.phone  # Another one, where it is an alias.
    change = handlers.foresee_upsert(db, contacts.get(phone, before), draft)
    contacts[phone] = change.after
    return change


def _upsert(tx: Connection, draft: Draft | ServiceError) -> Outcome:
    def write(draft: Draft) -> Change:
        # What is refused is refused before anything of it is written.
        change = handlers.foresee_upsert(tx, store.find_contact(tx, draft.phone), draft)
        handlers.store_upsert(tx, change)
        return change

    return _settled(write, draft)


def _settled(act: Callable[[Draft], Change], draft: Draft | ServiceError) -> Outcome:
    if isinstance(draft, ServiceError):
        return draft
    try:
        return act(draft)
    except ValidationError as error:
        return error


def _checked(row: object, check: Check) -> Draft | ServiceError:
    try:
        return check(row)
    except ValidationError as error:
        return error


def _refuse_failed(outcomes: Sequence[Draft | Outcome]) -> None:
    failed = {
        str(index): each.details
        for index, each in enumerate(outcomes)
        if isinstance(each, ServiceError)
    }
    if failed:
        raise ValidationError(failed)
