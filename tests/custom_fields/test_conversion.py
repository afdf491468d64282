"""Pinning with `convert`: stored values, their events, index rows and counts."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.contacts.model import Contact
from app.contacts.store import insert_contacts
from app.custom_fields.conversion import convert_values
from app.custom_fields.handlers import pin_custom_field
from app.database import Database
from tests.conftest import store_faults

OLD = "2026-06-02T08:00:00Z"
PHONES = [f"9188568791{number:02}" for number in range(20)]


def put(client: FlaskClient, key: str, **body: Any) -> Any:
    return client.put(f"/v1/custom-fields/{key}", json=body)


def store(client: FlaskClient, key: str, values: list[Any]) -> None:
    for phone, value in zip(PHONES, values, strict=False):
        client.post("/v1/contacts", json={"phone": phone, "custom_fields": {key: value}})


def stored(client: FlaskClient, key: str) -> list[Any]:
    listed = client.get("/v1/contacts?include=custom_fields").json["contacts"]
    return [each["custom_fields"].get(key) for each in listed]


@pytest.mark.parametrize(
    ("type_", "before", "after", "converted", "unconverted"),
    [
        ("number", ["12", 7, "x", True, "1.5"], [12, 7, "x", True, 1.5], 2, 2),
        ("string", ["12", 7, 1.5, True], ["12", "7", "1.5", "true"], 3, 0),
        ("boolean", ["true", False, 1, "no"], [True, False, 1, "no"], 1, 2),
        (
            "date",
            ["2026-06-02", "2026-06-02T00:00:00Z", "2/6/26", 20260602],
            ["2026-06-02", "2026-06-02", "2/6/26", 20260602],
            *(1, 2),
        ),
        (
            "datetime",
            ["2026-06-02T10:00:00+0200", "2026-06-02", "soon", "2026-06-02T08:00:00Z"],
            ["2026-06-02T08:00:00Z", "2026-06-02T00:00:00Z", "soon", "2026-06-02T08:00:00Z"],
            *(2, 1),
        ),
    ],
)
def test_converts_stored_values_to_the_new_type(
    client: FlaskClient,
    db: Database,
    type_: str,
    before: list[Any],
    after: list[Any],
    converted: int,
    unconverted: int,
) -> None:
    store(client, "f", before)
    last = client.get("/v1/changes?after=0&limit=100").json["next_after"]
    answer = put(client, "f", type=type_, convert=True).json
    assert (answer["converted"], answer["unconverted"]) == (converted, unconverted)
    found = stored(client, "f")
    assert [(type(each), each) for each in found] == [(type(each), each) for each in after]
    events = client.get(f"/v1/changes?after={last}").json["changes"]
    assert len(events) == converted
    for event in events:
        assert (event["event"], event["data"]["changed"]) == (
            "contact.updated",
            ["custom_fields.f"],
        )
        assert event["data"]["previous"]["custom_fields.f"] in before
    again = put(client, "f", type=type_, convert=True).json
    assert (again["converted"], again["unconverted"]) == (0, unconverted)
    assert store_faults(db) == []


def test_a_conversion_updates_counts(client: FlaskClient) -> None:
    store(client, "score", ["1", "2", "x"])
    field = put(client, "score", type="number", convert=True, label="Score").json["custom_field"]
    assert (field["type"], field["contacts"], field["label"]) == ("mixed", 3, "Score")
    found = client.get("/v1/contacts?custom_fields[score][gte]=2").json["contacts"]
    assert [each["phone"] for each in found] == [PHONES[1]]
    store(client, "score", [5, 6, 7])
    assert put(client, "score", type="number").json["custom_field"]["type"] == "number"


def test_converts_many_in_batches(db: Database) -> None:
    with db.transaction() as tx:
        insert_contacts(
            tx,
            [
                Contact(f"9188568{n:05}", OLD, OLD, custom_fields={"n": str(n), "kept": n})
                for n in range(1_500)
            ],
        )
    field = pin_custom_field(db, "n", label=None, required_type="number")
    assert convert_values(db, field) == (1_500, 0)
    assert convert_values(db, field) == (0, 0)
    assert store_faults(db) == []


@pytest.mark.one_engine
def test_convert_needs_a_type(client: FlaskClient) -> None:
    for body in (
        {"convert": True},
        {"convert": True, "type": None},
        {"convert": 1, "type": "date"},
    ):
        answer = put(client, "f", **body)
        assert answer.status_code == 422
        assert list(answer.json["error"]["details"]) == ["convert"]


def test_a_date_field_shows_its_type(client: FlaskClient) -> None:
    assert put(client, "d", type="date").json["custom_field"]["type"] == "date"
    store(client, "d", ["2026-06-02"])
    assert put(client, "d", type="date").json["custom_field"]["type"] == "date"
    assert put(client, "d", label="D").json["custom_field"]["type"] == "string"
