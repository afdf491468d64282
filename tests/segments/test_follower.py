"""Each kind of write updates segments, with one event for each contact and segment, in order."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.contacts.sweeps import FIRST_BATCH, in_batches
from app.custom_fields import handlers as custom_fields
from app.database import Database
from app.segments import build, watched
from app.segments.watched import Watched
from app.tags import handlers as tags
from tests.segments.conftest import PLAN_PRO, VIP, Segments

CONTACTS = "/v1/contacts"
A, B, C = "918856879188", "14155552671", "447400123456"
ENTERED, LEFT = "segment.entered", "segment.left"


@pytest.fixture(autouse=True)
def three_segments(segments: Segments) -> None:
    segments.set("pro", PLAN_PRO)
    segments.set("VIP", VIP)
    segments.set("not VIP", {"not": VIP})


def upsert(client: FlaskClient, phone: str, **values: Any) -> None:
    answer = client.post(CONTACTS, json={"phone": phone, **values})
    assert answer.status_code in (200, 201), answer.text


def test_each_write_of_one_contact_updates_segments(
    client: FlaskClient, segments: Segments
) -> None:
    upsert(client, A, tags=["VIP"], custom_fields={"plan": "pro"})
    assert segments.all_events() == [
        ("contact.created", A),
        (ENTERED, "VIP", A),
        (ENTERED, "pro", A),
    ]
    upsert(client, A, first_name="Priya")
    assert segments.events() == []
    client.patch(f"{CONTACTS}/{A}", json={"custom_fields": {"plan": None}})
    assert segments.all_events() == [("contact.updated", A), (LEFT, "pro", A)]
    client.delete(f"{CONTACTS}/{A}/tags/VIP")
    assert segments.events() == [(LEFT, "VIP", A), (ENTERED, "not VIP", A)]
    client.post(f"{CONTACTS}/{A}/tags", json={"tags": ["VIP", "Lead"]})
    assert segments.events() == [(ENTERED, "VIP", A), (LEFT, "not VIP", A)]
    client.delete(f"{CONTACTS}/{A}")
    assert segments.all_events() == [("contact.deleted", A), (LEFT, "VIP", A)]
    assert [segments.members(name) for name in ("VIP", "not VIP", "pro")] == [[], [], []]


def test_events_contain_the_current_contact(client: FlaskClient) -> None:
    upsert(client, A, tags=["VIP"])
    [created, entered] = client.get("/v1/changes").get_json()["changes"]
    view = client.get(f"{CONTACTS}/{A}").get_json()["contact"]
    assert entered["data"] == {"segment": "VIP", "contact": view}
    assert (entered["actor"], entered["timestamp"]) == (created["actor"], created["timestamp"])
    client.delete(f"{CONTACTS}/{A}")
    found = client.get("/v1/changes").get_json()["changes"]
    erased = {"segment": "VIP", "contact": {"id": f"cnt_{A}"}}
    assert [each["data"] for each in found if each["event"] in (ENTERED, LEFT)] == [erased] * 2


def test_the_history_lists_entered_segments(client: FlaskClient) -> None:
    upsert(client, A, tags=["VIP"])
    history = client.get(f"{CONTACTS}/{A}/history").get_json()["history"]
    assert [each["event"] for each in history] == [ENTERED, "contact.created"]


def test_events_of_a_deleted_contact_keep_the_name_of_the_segment(
    client: FlaskClient, segments: Segments
) -> None:
    """Also events that are not read yet, which have no number on PostgreSQL."""
    upsert(client, A, tags=["VIP"])
    client.delete(f"{CONTACTS}/{A}")
    data = [
        each["data"]
        for each in client.get("/v1/changes?after=0").get_json()["changes"]
        if each["event"].startswith("segment.")
    ]
    assert data == [{"segment": "VIP", "contact": {"id": f"cnt_{A}"}}] * 2


def test_rows_of_a_batch_move_contacts_in_order(client: FlaskClient, segments: Segments) -> None:
    rows = [
        {"phone": A, "tags": ["VIP"]},
        {"phone": B, "tags": ["VIP"]},
        {"phone": A, "tags": []},
        {"phone": A, "tags": ["VIP"]},
        {"phone": C, "email": "nothing"},
    ]
    client.post(f"{CONTACTS}/batch", json={"contacts": rows})
    assert segments.all_events() == [
        ("contact.created", A),
        (ENTERED, "VIP", A),
        ("contact.created", B),
        (ENTERED, "VIP", B),
        ("contact.updated", A),
        (LEFT, "VIP", A),
        (ENTERED, "not VIP", A),
        ("contact.updated", A),
        (ENTERED, "VIP", A),
        (LEFT, "not VIP", A),
    ]
    assert segments.members("VIP") == sorted([A, B])


def test_an_import_updates_segments(client: FlaskClient, segments: Segments) -> None:
    body = f'{{"phone":"{A}","tags":["VIP"]}}\n{{"phone":"{B}"}}\n'
    answer = client.post(f"{CONTACTS}/import", data=body, content_type="application/jsonl")
    assert answer.status_code == 200, answer.text
    assert segments.events() == [(ENTERED, "VIP", A), (ENTERED, "not VIP", B)]


def test_a_merge_updates_the_segments_of_both_contacts(
    client: FlaskClient, segments: Segments
) -> None:
    phones = {"field": "phone", "op": "in", "value": [B]}
    segments.set("was B", phones)
    upsert(client, A)
    upsert(client, B, tags=["VIP"], custom_fields={"plan": "pro"})
    segments.all_events()
    client.post(f"{CONTACTS}/{A}/merge", json={"from": B})
    assert segments.all_events() == [
        ("contact.merged", A),
        (LEFT, "VIP", B),
        (LEFT, "pro", B),
        (LEFT, "was B", B),
        (ENTERED, "VIP", A),
        (LEFT, "not VIP", A),
        (ENTERED, "pro", A),
        (ENTERED, "was B", A),
    ]
    upsert(client, A, first_name="Priya")
    assert segments.events() == []
    assert segments.members("was B") == [A]


def test_a_deleted_tag_and_field_stay_in_the_filter(
    client: FlaskClient, segments: Segments
) -> None:
    upsert(client, A, tags=["VIP"], custom_fields={"plan": "pro"})
    upsert(client, B, custom_fields={"plan": "pro"})
    segments.all_events()
    client.delete("/v1/tags/VIP")
    assert segments.all_events() == [
        (LEFT, "VIP", A),
        (ENTERED, "not VIP", A),
        ("tag.deleted", ""),
    ]
    client.delete("/v1/custom-fields/plan")
    assert segments.events() == [(LEFT, "pro", A), (LEFT, "pro", B)]
    assert client.get("/v1/segments/VIP").get_json()["segment"]["filter"] == VIP
    upsert(client, B, tags=["VIP"])
    assert segments.events() == [(ENTERED, "VIP", B), (LEFT, "not VIP", B)]


def test_a_renamed_tag_is_renamed_in_filters(client: FlaskClient, segments: Segments) -> None:
    several = {"field": "tag", "op": "in", "value": [" VIP\u200b", "Gold"]}
    segments.set("several", {"any": [several, {"not": VIP}]})
    segments.set("with a space", {**VIP, "value": "VIP "})
    for number in range(FIRST_BATCH + 5):  # More than one batch.
        upsert(client, f"9188568{number:05}", tags=["VIP"])
    segments.all_events()
    client.patch("/v1/tags/VIP", json={"name": "Best"})
    assert segments.all_events() == [("tag.renamed", "")]
    best = {**VIP, "value": "Best"}
    found = {
        each["name"]: each["filter"] for each in client.get("/v1/segments").get_json()["segments"]
    }
    assert found["VIP"] == best and found["not VIP"] == {"not": best}
    assert found["several"] == {"any": [{**several, "value": ["Best", "Gold"]}, {"not": best}]}
    assert found["with a space"] == best
    assert len(segments.members("VIP")) == FIRST_BATCH + 5
    upsert(client, A, tags=["VIP"])
    assert segments.events() == [(ENTERED, "not VIP", A), (ENTERED, "several", A)]


def test_a_tag_merged_into_another_moves_each_contact_once(
    client: FlaskClient, segments: Segments
) -> None:
    segments.set("gold", {**VIP, "value": "Gold"})
    upsert(client, A, tags=["VIP"])
    upsert(client, B, tags=["Gold"])
    upsert(client, C, tags=["Gold", "VIP"])
    segments.all_events()
    client.patch("/v1/tags/VIP", json={"name": "Gold"})
    found = segments.all_events()
    assert sorted(found) == [
        (ENTERED, "VIP", B),
        (ENTERED, "gold", A),
        (LEFT, "not VIP", B),
        ("tag.renamed", ""),
    ]
    for name in ("VIP", "gold"):
        assert segments.members(name) == sorted([A, B, C])


def test_contacts_that_get_the_old_tag_during_a_rename_leave_at_its_end(
    client: FlaskClient, db: Database, segments: Segments
) -> None:
    upsert(client, B)
    for number in range(FIRST_BATCH + 5):
        upsert(client, f"9188568{number:05}", tags=["VIP"])
    segments.all_events()
    with db.transaction() as tx:
        started = tags._start(tx, name="VIP", new_name="Best")
    upsert(client, B, tags=["VIP"])  # The sweep is past this contact, and will not rename its tag.
    assert segments.events() == [(ENTERED, "VIP", B), (LEFT, "not VIP", B)]
    in_batches(db, started.run_batch)
    build.work_off(db)
    assert segments.all_events() == [
        ("tag.renamed", ""),
        (LEFT, "VIP", B),
        (ENTERED, "not VIP", B),
    ]
    assert len(segments.members("VIP")) == FIRST_BATCH + 5
    assert segments.members("not VIP") == [B]


def test_tests_only_segments_whose_fields_changed(
    client: FlaskClient, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert(client, A, tags=["VIP"], custom_fields={"plan": "pro"})
    asked: list[str] = []
    real = watched.watch

    def watch(*given: Any) -> Watched:
        found = real(*given)
        test = lambda facts: asked.append(found.name) or found.test(facts)  # type: ignore[func-returns-value]  # noqa: E731
        return Watched(**{**vars(found), "test": test})

    monkeypatch.setattr(watched, "watch", watch)
    segments.set("named", {"field": "first_name", "op": "exists", "value": True})
    asked.clear()
    upsert(client, A, first_name="Priya")
    assert set(asked) == {"named"}
    asked.clear()
    upsert(client, A, email="a@example.com")
    assert asked == []
    upsert(client, A, custom_fields={"plan": "free"})
    assert set(asked) == {"pro"}


def test_deleting_a_segment_is_one_event(client: FlaskClient, segments: Segments) -> None:
    upsert(client, A, tags=["VIP"])
    segments.all_events()
    client.delete("/v1/segments/VIP")
    assert segments.all_events() == [("segment.deleted", "VIP", "")]
    upsert(client, A, tags=[])
    assert segments.events() == [(ENTERED, "not VIP", A)]
    rows = segments.db.connection().execute("SELECT count(*) FROM segments")
    assert rows == [(2,)]


@pytest.mark.parametrize("notify", [False, True])
def test_making_and_changing_a_segment_notifies_on_request(
    client: FlaskClient, segments: Segments, notify: bool
) -> None:
    upsert(client, A, tags=["VIP"])
    upsert(client, B, tags=["Gold"])
    segments.all_events()
    segments.set("best", VIP, notify=notify)
    assert segments.events() == [(ENTERED, "best", A)] * notify
    segments.set("best", {**VIP, "value": "Gold"}, notify=notify)
    assert sorted(segments.events()) == [(ENTERED, "best", B), (LEFT, "best", A)] * notify
    assert segments.members("best") == [B]
    segments.set("best", {**VIP, "value": "Gold"}, notify=True)
    assert segments.events() == []


def test_the_deletion_of_a_field_updates_segments(client: FlaskClient, segments: Segments) -> None:
    upsert(client, A, custom_fields={"score": 1})
    upsert(client, B, custom_fields={"score": 1})
    segments.set("scored", {"field": "custom_fields.score", "op": "exists", "value": True})
    segments.all_events()
    custom_fields.delete_custom_field(segments.db, "score")
    assert segments.events() == [(LEFT, "scored", A), (LEFT, "scored", B)]
