"""The contacts that a build tests next, and what it finds of them without the lock of writers."""

from dataclasses import dataclass, field
from datetime import datetime

from app import clock
from app.contacts.sweeps import next_contacts
from app.database import Connection
from app.segments import store, watched
from app.segments.moments import next_moment


@dataclass
class Batch:
    """Contacts of which a segment tests those after the row id `after`, up to `last`.

    `version` is that of the segments by which they are tested. `to_move` has the row ids of those
    that must enter or leave, `moments` has (segment, row id, Unix seconds).
    """

    segment_id: int
    version: int
    after: int
    last: int
    tested: int = 0
    is_last: bool = False
    to_move: list[int] = field(default_factory=list)
    moments: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def writes(self) -> int:
        return len(self.to_move) + len(self.moments)


def begin_batch(db: Connection, id: int) -> Batch | None:
    """Return a batch that begins where the build of a segment is, None where it is over."""
    version = store.read_version(db)
    stored = store.find_by_id(db, id)
    if stored is None or stored.position is None:
        return None
    return Batch(id, version, stored.position, stored.position)


def check_next(db: Connection, batch: Batch, most: int) -> None:
    """Test the next contacts, `most` at most. Needs a snapshot or a transaction.

    A batch of another version of the segments ends: it is not stored.
    """
    now = clock.timestamp()
    state = watched.current(db, now)
    if state.version != batch.version:
        batch.is_last = True
        return
    segment = state.segment(batch.segment_id)
    rows = next_contacts(db, after=batch.last, most=most)
    if rows:
        through = rows[-1][0]
        members = store.members_between(db, segment.id, batch.last, through)
        batch.last = through
    for id, contact, _ in rows:
        if segment.test(state.facts(db, id, contact)) != (id in members):
            batch.to_move.append(id)
        if segment.relative:
            moment = next_moment(contact, segment.relative, datetime.fromisoformat(now))
            if moment is not None:
                batch.moments.append((segment.id, id, moment))
    batch.tested += len(rows)
    batch.is_last = len(rows) < most
