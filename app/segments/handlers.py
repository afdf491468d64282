"""Operations on segments: create, change, list and delete them."""

from app import clock
from app.api_keys.actor import acting_key
from app.database import Connection, Database
from app.errors import Conflict, NotFound
from app.journal import handlers as journal
from app.journal.model import SEGMENT_DELETED
from app.search.resolve import resolve
from app.segments import build, filters, store
from app.segments.model import MAX_SEGMENTS, Segment


def set_segment(
    db: Database, name: str, filter: str, *, notify: bool = False
) -> tuple[Segment, bool]:
    """Create a segment, or change its filter; return it, and whether it is new.

    The filter is JSON that `filters.parse` accepts. Contacts that are in it already, or that the
    change moves, get no events unless `notify`. Raises `Conflict` at `MAX_SEGMENTS`, and
    `InvalidInput` for a comparison that cannot mean anything.
    """

    def write(tx: Connection) -> bool:
        found, now = store.find_segment(tx, name), clock.timestamp()
        if found is None:
            if store.count_segments(tx) >= MAX_SEGMENTS:
                raise Conflict(f"There are {MAX_SEGMENTS} segments already: delete one first.")
            store.insert_segment(tx, name, filter, notify=notify, now=now)
        elif found.filter != filter:
            store.update_filter(tx, found.id, filter, now)
            store.begin_build(tx, found.id, notify=notify)
        store.change_version(tx)
        return found is None

    resolve(db.connection(), filters.load(filter))
    is_new = db.write(write, alone=True)
    build.work_off(db)
    return get_segment(db.connection(), name), is_new


def get_segment(db: Connection, name: str) -> Segment:
    """Raises `NotFound`."""
    segment = store.find_segment(db, name)
    if segment is None:
        raise NotFound("There is no such segment: GET /v1/segments lists them.")
    return segment


def delete_segment(db: Database, name: str) -> None:
    """Delete a segment, with one event for all of its contacts. Raises `NotFound`."""
    actor = acting_key()

    def write(tx: Connection) -> None:
        store.delete_segment(tx, get_segment(tx, name).id)
        journal.append(tx, SEGMENT_DELETED, clock.timestamp(), {"segment": name}, actor=actor)
        store.change_version(tx)

    db.write(write, alone=True)
    build.work_off(db)
    db.erase_log()
