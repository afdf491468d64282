"""What is done with contacts; every write goes through here."""

from functools import partial

from app import clock
from app.contacts import model, store
from app.contacts.model import Draft, Upsert
from app.database import Connection, Database


def upsert_contact(db: Database, draft: Draft, *, dry_run: bool = False) -> Upsert:
    """Create or update the contact of a phone; with `dry_run` only say what would happen.

    A draft that changes nothing writes nothing. Raises `ValidationError` where the contact
    would pass its limits, `Unavailable` and `InsufficientStorage` where it cannot be stored.
    """
    now = clock.timestamp()
    outcome = model.upsert(store.find_contact(db.connection(), draft.phone), draft, now)
    if dry_run or not (outcome.created or outcome.changed):
        return outcome
    return db.write(partial(_store_upsert, draft))


def _store_upsert(draft: Draft, tx: Connection) -> Upsert:
    outcome = model.upsert(store.find_contact(tx, draft.phone), draft, clock.timestamp())
    if outcome.before is None:
        store.insert_contact(tx, outcome.after)
    elif outcome.changed:
        store.update_contact(tx, outcome.before, outcome.after)
    return outcome
