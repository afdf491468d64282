"""Compares the members of segments with their filters, and rebuilds wrong segments."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from app import clock
from app.contacts.sweeps import next_contacts
from app.database import Connection
from app.database.sqlite.files import Driver
from app.plurals import plural
from app.segments import build, store, watched
from app.segments.moments import next_moment

BATCH = 1_000


class DriverReads:
    """What the reads of segments need of a connection, from SQLite's driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def execute(
        self, sql: str, parameters: Mapping[str, object] | Sequence[object] | None = None
    ) -> list[tuple[Any, ...]]:
        return self._driver.execute(sql, parameters or {}).fetchall()


def connection_of(driver: Driver) -> Connection:
    return cast(Connection, DriverReads(driver))


def wrong_segments(db: Connection) -> list[str]:
    """Return what is wrong with segments, for each that is not being built.

    With relative dates, a contact may be behind for as long as no server ran: then its moment is
    due. A moment that is stored too late, or not at all, would leave it behind later.
    """
    now = clock.timestamp()
    stored = [each for each in store.list_segments(db) if each.position is None]
    state = watched.State(
        0, now, tuple(watched.watch(db, each, now) for each in stored), store.pending_renames(db)
    )
    at = datetime.fromisoformat(now)
    due = set(store.due_moments(db, now=int(at.timestamp()), most=2**31 - 1))
    wrong: Counter[int] = Counter()
    members: Counter[int] = Counter()
    after = 0
    while rows := next_contacts(db, after=after, most=BATCH) if stored else ():
        last = rows[-1][0]
        for segment in state.segments:
            found = store.members_between(db, segment.id, after, last)
            members[segment.id] += len(found)
            moments = _moments_between(db, segment.id, after, last) if segment.relative else {}
            for id, contact, _ in rows:
                is_in = segment.test(state.facts(db, id, contact))
                moment = next_moment(contact, segment.relative, at)
                is_late = moment is not None and moment < moments.get(id, math.inf)
                if is_late or (is_in != (id in found) and (segment.id, id) not in due):
                    wrong[segment.id] += 1
        after = last
    faults = [
        f"{plural(wrong[each.id], 'contact')} in {each.name}" for each in stored if wrong[each.id]
    ]
    return faults + [
        f"the count of {each.name}"
        for each in stored
        if each.contacts != members[each.id] or store.count_members(db, each.id) != each.contacts
    ]


def _moments_between(db: Connection, id: int, after: int, through: int) -> dict[int, int]:
    """Return when contacts are to be looked at again, in Unix seconds, by their row id."""
    rows = db.execute(
        """
        SELECT contact_id, at
        FROM segment_moments
        WHERE segment_id = :id
            AND contact_id > :after
            AND contact_id <= :through
        """,
        {"id": id, "after": after, "through": through},
    )
    return dict(rows)


def rebuild_segments(tx: Connection) -> None:
    """Build all segments again, without events."""
    for segment in store.list_segments(tx):
        store.clear_members(tx, segment.id)
        store.begin_build(tx, segment.id, notify=False)
    store.change_version(tx)
    build.build_at_once(tx)
