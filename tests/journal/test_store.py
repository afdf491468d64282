"""The statements of the journal use its indexes."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.database import Database
from app.journal import store
from tests.contacts.test_store import Recorder, assert_indexed

NOW = "2026-06-02T08:00:00Z"


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def test_statements_use_an_index(recorder: Recorder) -> None:
    for _ in range(3):
        store.insert_events(recorder, [("contact.created", NOW, "918856879188", None, "{}")])
    store.erase_events(recorder, "918856879188", "cnt_918856879188", "{}")
    store.move_events(recorder, "918856879188", "919000000001")
    store.list_events(recorder, after=1, most=5)
    store.list_history(recorder, "918856879188", before=9, most=5)
    store.changed_fields(recorder, 1)
    store.list_events_of(recorder, ["contact.created"], after=1, most=5, scanned=5)
    store.removed_through(recorder)
    store.remove_events(recorder, "2027", 2)
    # The first has few rows, the second takes the oldest rows up to a limit.
    bounded = ("FROM sqlite_sequence", "AS oldest")
    plans = {
        sql: plan
        for sql, plan in recorder.plans.items()
        if not any(each in sql for each in bounded)
    }
    assert len(plans) >= 9
    assert_indexed(plans)


def test_removes_the_oldest_changes(recorder: Recorder) -> None:
    for _ in range(3):
        store.insert_events(recorder, [("contact.created", NOW, None, None, "{}")])
    store.remove_events(recorder, "2027", 2)
    [plan] = [plan for sql, plan in recorder.plans.items() if "AS oldest" in sql]
    assert not any("TEMP B-TREE" in step for step in plan)
    assert [event.seq for event in store.list_events(recorder, after=0, most=9)] == [3]
    assert store.removed_through(recorder) == 2
    assert store.last_seq(recorder) == 3


def test_removed_changes_stay_removed_after_a_restore(recorder: Recorder) -> None:
    """A restore counts the event numbers that the backup lacks as removed."""
    for _ in range(3):
        store.insert_events(recorder, [("contact.created", NOW, None, None, "{}")])
    recorder.change("UPDATE counters SET value = 40 WHERE name = 'changes_removed'", {})
    store.remove_events(recorder, "2027", 2)
    assert store.removed_through(recorder) == 40
