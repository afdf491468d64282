"""Moves contacts in and out of segments as they change, and creates the events."""

from collections import Counter
from collections.abc import Sequence

from app.contacts.listeners import NewEvent, Written
from app.database import Connection, Database
from app.search.filters import fields_of
from app.search.operands import CUSTOM
from app.segments import build, filters, store, watched
from app.segments.moves import Counts, keep_moments, move, move_event
from app.segments.watched import State


class Follower:
    """The listener by which segments follow contacts (`app.contacts.listeners.Listener`)."""

    def contacts_changed(
        self, tx: Connection, changes: Sequence[Written], now: str
    ) -> Sequence[Sequence[NewEvent]]:
        state = watched.current(tx, now)
        if not state.segments:
            return [()] * len(changes)
        counts: Counts = Counter()
        events = [_follow(tx, state, each, counts) for each in changes]
        store.add_counts(tx, counts)
        return events

    def tag_rename_begins(self, tx: Connection, name: str, new_name: str) -> None:
        """Rename a tag in filters; those of the new name are built again, as contacts may move.

        Until the sweep ends, `State.facts` shows the old name as the new one. So nobody moves where
        the new name is nowhere yet.
        """
        is_merge = store.is_carried(tx, new_name)
        for each in store.list_segments(tx):
            named = filters.names_tag(each.filter, name)
            if named:
                renamed = filters.rename_tag(each.filter, name, new_name)
                store.update_filter(tx, each.id, renamed, each.updated_at)
            if filters.names_tag(each.filter, new_name) or (named and is_merge):
                store.begin_build(tx, each.id, notify=True)
        store.change_version(tx)

    def tag_rename_ends(self, tx: Connection, name: str, new_name: str) -> None:
        """Show the old name as itself again: contacts may have got it during the sweep."""
        if store.is_carried(tx, name):
            for each in store.list_segments(tx):
                if filters.names_tag(each.filter, new_name) or filters.names_tag(each.filter, name):
                    store.begin_build(tx, each.id, notify=True)
        store.change_version(tx)

    def field_pinned(self, tx: Connection, key: str) -> None:
        """Build segments again that compare a field: its type says what comparisons mean."""
        for each in store.list_segments(tx):
            if f"{CUSTOM}{key}" in fields_of(filters.load(each.filter)):
                store.begin_build(tx, each.id, notify=True)
        store.change_version(tx)

    def finish(self, db: Database) -> None:
        build.work_off(db)


def _follow(tx: Connection, state: State, change: Written, counts: Counts) -> list[NewEvent]:
    if change.after is None or change.row is None:
        return _leave_all(tx, state, change, counts)
    touched = {*change.changed, "updated_at"}
    after = state.facts(tx, change.id, change.after)
    before = change.before and state.facts(tx, change.id, change.before, change.aliases)
    events: list[NewEvent] = []
    for segment in state.segments:
        if before and segment.fields.isdisjoint(touched):
            continue
        if segment.relative:
            keep_moments(tx, [(segment, change.id, change.after)], state.now)
        is_in, was_in = segment.test(after), bool(before and segment.test(before))
        if is_in == was_in and (not segment.by_table or not before):
            continue
        moved = move(tx, segment, change.id, is_in, counts)
        if is_in != was_in if segment.is_silent else moved:
            phone = change.after.phone
            events.append(move_event(segment, is_in, phone, change.actor, change.row))
    return events


def _leave_all(tx: Connection, state: State, change: Written, counts: Counts) -> list[NewEvent]:
    """Remove a contact that is gone; its events have its id only."""
    gone = change.before
    if gone is None:
        return []
    before, phone = state.facts(tx, change.id, gone), change.survivor or gone.phone
    events: list[NewEvent] = []
    store.clear_moments(tx, [(each.id, change.id) for each in state.segments if each.relative])
    for segment in state.segments:
        moved = move(tx, segment, change.id, False, counts)
        if segment.test(before) if segment.is_silent else moved:
            events.append(move_event(segment, False, phone, change.actor, gone.id))
    return events
