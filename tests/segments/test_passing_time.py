"""Contacts enter and leave segments with relative dates as time passes; few are tested."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import clock
from app.contacts.model import Contact
from app.database import Database
from app.search.filters import Condition
from app.search.matching import matches
from app.segments import filters, passing_time, store
from app.segments.moments import next_moment
from tests.contacts.test_store import assert_indexed
from tests.search.test_search_plans import Recorder
from tests.segments.conftest import Segments

CONTACTS = "/v1/contacts"
A, B = "918856879188", "14155552671"
NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)
ENTERED, LEFT = "segment.entered", "segment.left"

SetTime = Callable[..., None]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> SetTime:
    """Set the clock to a time after noon of 2 June 2026."""

    def set_time(**after: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(**after))

    set_time()
    return set_time


def pin(client: FlaskClient, key: str, type_: str) -> None:
    assert client.put(f"/v1/custom-fields/{key}", json={"type": type_}).status_code == 200


def look(db: Database) -> None:
    while passing_time.look_again(db):
        pass


def ordered(op: str, value: str) -> dict[str, Any]:
    return {"field": "custom_fields.last_order", "op": op, "value": value}


def test_enters_and_leaves_without_a_write(
    client: FlaskClient, db: Database, segments: Segments, pass_time: SetTime
) -> None:
    pin(client, "last_order", "date")
    segments.set("lost", ordered("lt", "-30d"))
    body = {"phone": A, "custom_fields": {"last_order": "2026-06-01"}}
    client.post(CONTACTS, json=body)
    client.post(CONTACTS, json={"phone": B})
    for days in (0, 1, 29):
        pass_time(days=days)
        look(db)
        assert segments.events() == []
    pass_time(days=30)
    look(db)
    assert segments.events() == [(ENTERED, "lost", A)]
    [event] = client.get("/v1/changes?types=segment.entered").get_json()["changes"]
    assert event["actor"] is None and event["data"]["contact"]["phone"] == A
    look(db)
    client.post(CONTACTS, json={"phone": A, "custom_fields": {"last_order": "2026-07-01"}})
    assert segments.events() == [(LEFT, "lost", A)]
    pass_time(days=60)
    look(db)
    assert segments.events() == [(ENTERED, "lost", A)]
    client.delete(f"{CONTACTS}/{A}")
    assert segments.events() == [(LEFT, "lost", A)]
    pass_time(days=90)
    look(db)
    assert (
        segments.events() == [] and db.connection().execute("SELECT * FROM segment_moments") == []
    )


def test_a_write_before_the_check_moves_a_contact_once(
    client: FlaskClient, db: Database, segments: Segments, pass_time: SetTime
) -> None:
    """The moment of the contact has passed, but no check has run yet."""
    pin(client, "last_order", "datetime")
    segments.set("recent", ordered("gte", "-1h"))
    noon = {"last_order": "2026-06-02T12:00:00Z"}
    client.post(CONTACTS, json={"phone": A, "custom_fields": noon})
    assert segments.events() == [(ENTERED, "recent", A)]
    pass_time(hours=2)
    client.post(CONTACTS, json={"phone": A, "custom_fields": {**noon, "x": 1}})
    assert segments.events() == []
    client.post(
        CONTACTS, json={"phone": A, "custom_fields": {"last_order": "2026-06-02T12:30:00Z"}}
    )
    assert segments.events() == [(LEFT, "recent", A)]
    look(db)
    assert segments.events() == []


def test_today_changes_at_midnight(
    client: FlaskClient, db: Database, segments: Segments, pass_time: SetTime
) -> None:
    pin(client, "birthday", "date")
    segments.set("now", {"field": "custom_fields.birthday", "op": "eq", "value": "today"})
    client.post(CONTACTS, json={"phone": A, "custom_fields": {"birthday": "2026-06-03"}})
    pass_time(hours=11, minutes=59)
    look(db)
    assert segments.events() == []
    pass_time(hours=12)
    look(db)
    assert segments.events() == [(ENTERED, "now", A)]
    pass_time(hours=36)
    look(db)
    assert segments.events() == [(LEFT, "now", A)]


def test_existing_contacts_enter_as_time_passes(
    client: FlaskClient, db: Database, segments: Segments, pass_time: SetTime
) -> None:
    client.post(CONTACTS, json={"phone": A})
    segments.set("old", {"field": "created_at", "op": "lt", "value": "-7d"})
    pass_time(days=7)
    look(db)
    assert segments.events() == []
    pass_time(days=7, seconds=1)
    look(db)
    assert segments.events() == [(ENTERED, "old", A)]


def test_tests_only_contacts_whose_moment_has_come(
    client: FlaskClient,
    db: Database,
    segments: Segments,
    pass_time: SetTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    segments.set("old", {"field": "created_at", "op": "lt", "value": "-7d"})
    for number in range(5):
        pass_time(days=number)
        client.post(CONTACTS, json={"phone": f"91885687910{number}"})
    looked: list[int] = []
    real = passing_time.contacts_by_id
    monkeypatch.setattr(
        passing_time, "contacts_by_id", lambda tx, ids: looked.extend(ids) or real(tx, ids)
    )
    pass_time(days=8.5)
    look(db)
    assert len(set(looked)) == 2 and len(segments.members("old")) == 2


def test_a_relative_date_needs_a_field_of_dates(client: FlaskClient) -> None:
    answer = client.put("/v1/segments/lost", json={"filter": ordered("lt", "-30d")})
    assert answer.status_code == 422 and "pin it" in answer.text


def test_removing_a_pin_removes_members_that_depend_on_it(
    client: FlaskClient, db: Database, segments: Segments, pass_time: SetTime
) -> None:
    pin(client, "last_order", "date")
    segments.set("lost", {"any": [ordered("lt", "-30d"), ordered("eq", "never")]})
    client.post(CONTACTS, json={"phone": A, "custom_fields": {"last_order": "2026-01-01"}})
    assert segments.events() == [(ENTERED, "lost", A)]
    client.put("/v1/custom-fields/last_order", json={"type": None})
    assert segments.events() == [(LEFT, "lost", A)]
    pin(client, "last_order", "date")
    assert segments.events() == [(ENTERED, "lost", A)]


VALUES = ["now", "today", "-7d", "+12h", "-3mo", "-1mo", "+1mo", "-1y", "-90min", "+2w"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    value=st.sampled_from(VALUES),
    field=st.sampled_from(["date", "datetime", "created_at"]),
    op=st.sampled_from(["gt", "gte", "lt", "lte", "eq"]),
    stored=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),
    start=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31)),
    steps=st.lists(st.integers(0, 400 * 86_400), max_size=6),
)
def test_nothing_changes_between_moments(
    db: Database,
    value: str,
    field: str,
    op: str,
    stored: datetime,
    start: datetime,
    steps: list[int],
) -> None:
    """Whether a contact matches changes at its moments only."""
    instant = f"{stored.replace(microsecond=0).isoformat()}Z"
    fields = {"custom_fields.date": instant[:10], "custom_fields.datetime": instant}
    name = field if field == "created_at" else f"custom_fields.{field}"
    condition = Condition(name, op if field != "created_at" or op != "eq" else "gt", value)
    contact = Contact(
        A, instant, instant, custom_fields={k.partition(".")[2]: v for k, v in fields.items()}
    )
    with db.transaction() as tx:
        for key in ("date", "datetime"):
            tx.change(
                "INSERT INTO custom_fields (key, required_type) VALUES (:key, :key) "
                "ON CONFLICT DO NOTHING",
                {"key": key},
            )

    def holds(at: datetime) -> bool:
        return matches(contact, filters.meaning(db.connection(), condition, at))

    now = start.replace(tzinfo=UTC, microsecond=0)
    known = holds(now)
    for at in sorted({now + timedelta(seconds=each) for each in steps}):
        while (moment := next_moment(contact, [condition], now)) and moment <= at.timestamp():
            now = datetime.fromtimestamp(moment, UTC)
            known = holds(now)
        assert holds(at) == known, at


@pytest.mark.sqlite
def test_statements_use_an_index(db: Database) -> None:
    with closing(Recorder(db.path)) as recorder:  # type: ignore[attr-defined]
        store.due_moments(recorder, now=0, most=5)
        store.set_moments(recorder, [(1, 2, 3)])
        store.clear_moments(recorder, [(1, 2)])
        store.members_between(recorder, 1, 0, 5)
        store.enter(recorder, 1, 2)
        store.leave(recorder, 1, 2)
        store.remove_rows(recorder, 1, 5)
        store.add_counts(recorder, {1: 1})
        store.find_segment(recorder, "a")
        assert_indexed(recorder.plans, orderly="segments")
