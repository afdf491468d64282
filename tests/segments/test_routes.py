"""Segments over HTTP: make, change, list, delete; and the contacts in them."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import Database
from app.segments import build, handlers, store
from tests.segments.conftest import PLAN_PRO, Segments

PATH = "/v1/segments"
CONTACTS = "/v1/contacts"
VIP = {"field": "tag", "op": "eq", "value": "VIP"}


def test_creates_changes_lists_and_deletes(client: FlaskClient) -> None:
    client.post(CONTACTS, json={"phone": "918856879188", "tags": ["VIP"]})
    made = client.put(f"{PATH}/vip people", json={"filter": VIP})
    assert made.status_code == 201
    segment = made.get_json()["segment"]
    assert segment == {
        "name": "vip people",
        "filter": VIP,
        "contacts": 1,
        "state": "ready",
        "progress": 1.0,
        "created_at": segment["created_at"],
        "updated_at": segment["created_at"],
    }
    assert client.get(f"{PATH}/vip people").get_json()["segment"] == segment
    again = client.put(f"{PATH}/vip people", json={"filter": VIP})
    assert (again.status_code, again.get_json()["segment"]) == (200, segment)
    changed = client.put(f"{PATH}/vip people", json={"filter": PLAN_PRO}).get_json()["segment"]
    assert (changed["filter"], changed["contacts"]) == (PLAN_PRO, 0)
    client.put(f"{PATH}/All", json={"filter": {"not": VIP}})
    listed = client.get(f"{PATH}?limit=1").get_json()
    assert [each["name"] for each in listed["segments"]] == ["All"]
    assert listed["pagination"] == {"total": 2, "limit": 1, "offset": 0}
    deleted = client.delete(f"{PATH}/All").get_json()
    assert deleted == {"success": True, "segment": {"name": "All", "deleted": True}}
    assert client.get(f"{PATH}/All").status_code == client.delete(f"{PATH}/All").status_code == 404


def test_lists_the_contacts_of_a_segment(client: FlaskClient, segments: Segments) -> None:
    segments.set("pro", PLAN_PRO)
    for number, plan in enumerate(["pro", "free", "pro", "pro"]):
        body = {"phone": f"9188568791{number:02}", "custom_fields": {"plan": plan}}
        client.post(CONTACTS, json=body)
    page = client.get(f"{CONTACTS}?segment=pro&limit=2").get_json()
    assert [each["phone"][-2:] for each in page["contacts"]] == ["00", "02"]
    assert page["pagination"]["total"] == 3
    leaf = {"field": "segment", "op": "eq", "value": "pro"}
    for filter, phones in (
        (leaf, ["00", "02", "03"]),
        ({**leaf, "op": "ne"}, ["01"]),
        ({**leaf, "op": "in", "value": ["pro"]}, ["00", "02", "03"]),
        ({"all": [leaf, {"field": "phone", "op": "eq", "value": "918856879102"}]}, ["02"]),
    ):
        found = client.post(f"{CONTACTS}/search", json={"filter": filter}).get_json()["contacts"]
        assert [each["phone"][-2:] for each in found] == phones
        for number in range(4):
            match = client.post(f"{CONTACTS}/9188568791{number:02}/match", json={"filter": filter})
            assert match.get_json()["matches"] is (f"{number:02}" in phones)
    exported = client.get(f"{CONTACTS}/export?segment=pro&format=jsonl").get_data(as_text=True)
    assert exported.count("\n") == 3


@pytest.mark.parametrize("op", ["eq", "ne", "in"])
def test_an_unknown_segment_is_not_found(client: FlaskClient, op: str) -> None:
    client.post(CONTACTS, json={"phone": "918856879188"})
    filter = {"field": "segment", "op": op, "value": ["x"] if op == "in" else "x"}
    assert client.get(f"{CONTACTS}?segment=x").status_code == 404
    assert client.post(f"{CONTACTS}/search", json={"filter": filter}).status_code == 404
    match = client.post(f"{CONTACTS}/918856879188/match", json={"filter": filter})
    assert match.status_code == 404
    assert client.get(f"{CONTACTS}/export?segment=x").status_code == 404


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("a" * 65, {"filter": VIP}, "name"),
        ("a\x01", {"filter": VIP}, "name"),
        ("a", {}, "filter"),
        ("a", {"filter": None}, "filter"),
        ("a", {"filter": {"field": "tag", "op": "eq"}}, "filter"),
        ("a", {"filter": {"field": "segment", "op": "eq", "value": "b"}}, "filter"),
        ("a", {"filter": VIP, "notify": 1}, "notify"),
    ],
)
def test_rejects_invalid_segments(client: FlaskClient, name: str, body: Any, field: str) -> None:
    answer = client.put(f"{PATH}/{name}", json=body)
    assert answer.status_code == 422
    assert field in answer.get_json()["error"]["details"]


def test_limits_the_number_of_segments(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MAX_SEGMENTS", 2)
    answers = [client.put(f"{PATH}/{n}", json={"filter": VIP}).status_code for n in range(3)]
    assert answers == [201, 201, 409]
    assert client.put(f"{PATH}/0", json={"filter": PLAN_PRO}).status_code == 200


def test_shows_the_progress_of_a_build(
    client: FlaskClient, db: Database, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        client.post(CONTACTS, json={"phone": f"91885687910{number}", "tags": ["VIP"]})
    monkeypatch.setattr(build, "work_off", lambda db: None)
    building = client.put(f"{PATH}/vip", json={"filter": VIP}).get_json()["segment"]
    assert (building["state"], building["progress"], building["contacts"]) == ("building", 0, 0)
    [(id, _)] = store.list_unfinished(db.connection())
    with db.transaction() as tx:
        assert not build.build_batch(id, tx, 3)
    building = client.get(f"{PATH}/vip").get_json()["segment"]
    assert (building["state"], building["progress"], building["contacts"]) == ("building", 0.75, 3)
    assert len(client.get(f"{CONTACTS}?segment=vip").get_json()["contacts"]) == 3
    with db.transaction() as tx:
        assert build.build_batch(id, tx, 3)
    ready = client.get(f"{PATH}/vip").get_json()["segment"]
    assert (ready["state"], ready["progress"], ready["contacts"]) == ("ready", 1, 4)
    assert store.list_unfinished(db.connection()) == []
    assert segments.events() == []
