"""The segments as a process knows them: compiled once, and read again when they have changed."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from weakref import WeakKeyDictionary

from app.contacts.alias_store import list_aliases
from app.contacts.model import Contact
from app.database import Connection
from app.search.filters import Condition, Filter, conditions, fields_of, has_relative_dates
from app.search.matching import Facts, Test, compile_filter
from app.segments import filters, store
from app.segments.model import Segment


@dataclass(frozen=True)
class Watched:
    """A segment with its filter as a function.

    `fields` are those that decide, as `changed` names them. `relative` has the conditions that time
    alone can change. `by_table` says that only the stored rows know whether a contact was in the
    segment before a change: the function knows what is. `is_silent` says that a build is under way
    whose moves have no events.
    """

    id: int
    name: str
    node: Filter
    fields: frozenset[str]
    relative: tuple[Condition, ...]
    test: Test
    by_table: bool
    is_silent: bool


@dataclass(frozen=True)
class State:
    """All segments in the order of their names, as they are at `now` (RFC 3339).

    `renames` has tags on their way to another name.
    """

    version: int
    now: str
    segments: tuple[Watched, ...]
    renames: dict[str, str]

    def segment(self, id: int) -> Watched:
        return next(each for each in self.segments if each.id == id)

    def facts(
        self, tx: Connection, id: int, contact: Contact, without: Collection[str] = ()
    ) -> Facts:
        """Return what the segments test of a contact; `without` are aliases that it has not yet.

        While a sweep renames a tag, contacts count as if they had its new name already.
        """
        if self.renames and not self.renames.keys().isdisjoint(contact.tags):
            tags = dict.fromkeys(self.renames.get(tag, tag) for tag in contact.tags)
            contact = contact._replace(tags=tuple(tags))
        return Facts(
            contact,
            lambda: [each for each in list_aliases(tx, id) if each not in without],
        )


_states: WeakKeyDictionary[Connection, State] = WeakKeyDictionary()


def current(db: Connection, now: str) -> State:
    """Return the segments as the store has them, at an instant.

    It costs one look-up where neither they have changed nor dates in them.
    """
    version = store.read_version(db)
    state = _states.get(db)
    if state is None or state.version != version:
        segments = tuple(watch(db, each, now) for each in store.list_segments(db))
        state = _states[db] = State(version, now, segments, store.pending_renames(db))
    elif state.now != now and any(each.relative for each in state.segments):
        segments = tuple(
            replace(each, test=_test(db, each.node, now)) if each.relative else each
            for each in state.segments
        )
        state = _states[db] = replace(state, now=now, segments=segments)
    return state


def watch(db: Connection, segment: Segment, now: str) -> Watched:
    node = filters.load(segment.filter)
    relative = tuple(each for each in conditions(node) if has_relative_dates(each))
    is_building = segment.position is not None
    return Watched(
        segment.id,
        segment.name,
        node,
        frozenset(fields_of(node)),
        relative,
        _test(db, node, now),
        by_table=bool(relative) or (is_building and segment.notify),
        is_silent=is_building and not segment.notify,
    )


def _test(db: Connection, node: Filter, now: str) -> Test:
    return compile_filter(filters.meaning(db, node, datetime.fromisoformat(now)))
