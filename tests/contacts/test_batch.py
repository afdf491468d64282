"""`POST /v1/contacts/batch`: many upserts in one request."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pytest import MonkeyPatch
from werkzeug.test import TestResponse

from app import create_app
from app.api_keys.handlers import create_api_key
from app.contacts import bulk
from app.contacts.batch_routes import MAX_BODY_BYTES
from app.contacts.batch_schemas import MAX_ROWS
from app.contacts.model import Draft
from app.database import Database
from app.settings import Settings, load
from app.web.service import service_of
from tests.conftest import store_faults

PRIYA, JOHN, LATE = "918856879188", "14155552671", "4915123456789"
PIN = "/v1/custom-fields/age"


def post(client: FlaskClient, *rows: object, query: str = "", **more: object) -> TestResponse:
    return client.post(f"/v1/contacts/batch{query}", json={"contacts": rows, **more})


def report(client: FlaskClient, *rows: object, query: str = "", **more: object) -> dict[str, Any]:
    response = post(client, *rows, query=query, **more)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.get_json()
    results = body["results"]
    assert [each["index"] for each in results] == list(range(len(rows)))
    for name in ("created", "updated", "unchanged", "failed"):
        assert body[name] == sum(each["status"] == name for each in results)
    return body


def statuses(body: dict[str, Any]) -> list[str]:
    return [each["status"] for each in body["results"]]


def stored(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/v1/contacts?limit=100&include=custom_fields").get_json()
    return {each["phone"]: each for each in answer["contacts"]}


def changes(client: FlaskClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/changes?after=0").get_json()["changes"]
    return found


def phone(number: int) -> str:
    return f"91885687{number:04}"


def test_creates_updates_and_leaves_contacts_unchanged(client: FlaskClient, db: Database) -> None:
    client.post("/v1/contacts", json={"phone": PRIYA, "first_name": "Priya"})
    client.post("/v1/contacts", json={"phone": JOHN, "tags": ["Lead"]})
    body = report(
        client,
        {"phone": "+91 88568-79188", "email": "priya@example.com"},
        {"phone": JOHN, "tags": ["Lead"]},
        {"phone": LATE, "custom_fields": {"age": 30}},
    )
    assert body == {
        "success": True,
        "created": 1,
        "updated": 1,
        "unchanged": 1,
        "failed": 0,
        "results": [
            {"index": 0, "status": "updated", "id": f"cnt_{PRIYA}"},
            {"index": 1, "status": "unchanged", "id": f"cnt_{JOHN}"},
            {"index": 2, "status": "created", "id": f"cnt_{LATE}"},
        ],
    }
    contacts = stored(client)
    assert list(contacts) == [PRIYA, JOHN, LATE]
    assert contacts[PRIYA]["first_name"] == "Priya"
    assert contacts[PRIYA]["email"] == "priya@example.com"
    assert contacts[LATE]["custom_fields"] == {"age": 30}
    assert store_faults(db) == []


def test_appends_the_same_events_as_single_posts(
    client: FlaskClient, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("app.clock.now", lambda: datetime(2026, 6, 2, 8, tzinfo=UTC))
    rows = [
        {"phone": PRIYA, "tags": ["Lead"], "custom_fields": {"plan": "pro"}},
        {"phone": PRIYA, "tags": ["Lead"]},
        {"phone": PRIYA, "first_name": "Priya"},
    ]
    for row in rows:
        client.post("/v1/contacts", json=row)
    single = [{**each, "seq": 0} for each in changes(client)]
    client.delete(f"/v1/contacts/{PRIYA}")
    before = len(changes(client))
    report(client, *rows)
    assert [{**each, "seq": 0} for each in changes(client)[before:]] == single


def test_applies_rows_of_one_phone_in_order(client: FlaskClient) -> None:
    body = report(
        client,
        {"phone": PRIYA, "first_name": "Pria", "tags": ["a"]},
        {"phone": f"+{PRIYA}", "first_name": "Priya"},
        {"phone": PRIYA, "first_name": "Priya"},
        {"phone": PRIYA, "tags": ["b"]},
    )
    assert statuses(body) == ["created", "updated", "unchanged", "updated"]
    assert stored(client)[PRIYA]["first_name"] == "Priya"
    assert stored(client)[PRIYA]["tags"] == ["b"]


def test_an_invalid_row_does_not_affect_others(client: FlaskClient, db: Database) -> None:
    client.put(PIN, json={"type": "number"})
    many = {f"key{number}": number for number in range(200)}
    body = report(
        client,
        {"phone": PRIYA, "custom_fields": many},
        {"phone": "0124", "tags": ["a", ""], "frist_name": "x"},
        ["no object"],
        {"phone": JOHN, "custom_fields": {"age": "old"}},
        {"phone": PRIYA, "custom_fields": {"one": "too many"}},
        {"phone": LATE},
    )
    assert statuses(body) == ["created", "failed", "failed", "failed", "failed", "created"]
    errors = [each.get("error") for each in body["results"]]
    assert {each["code"] for each in errors if each} == {"validation_error"}
    details = [each["details"] for each in errors if each]
    assert [list(each) for each in details] == [
        ["phone", "tags", "frist_name"],
        ["contact"],
        ["custom_fields"],
        ["custom_fields"],
    ]
    assert list(details[2]["custom_fields"]) == ["age"]
    single = client.post("/v1/contacts", json={"phone": JOHN, "custom_fields": {"age": "old"}})
    same = {name: single.get_json()["error"][name] for name in ("code", "message", "details")}
    assert errors[3] == same
    assert set(stored(client)) == {PRIYA, LATE}
    assert len(changes(client)) == 2
    assert store_faults(db) == []


def test_reports_names_that_cannot_be_printed(client: FlaskClient) -> None:
    body = report(
        client,
        {"phone": PRIYA},
        {"phone": JOHN, "\ud800": 1},
        {"phone": JOHN, "custom_fields": {"a\udfff": 1}},
    )
    assert statuses(body) == ["created", "failed", "failed"]
    names = [each["error"]["details"] for each in body["results"][1:]]
    assert "\ufffd" in names[0]
    assert "a\ufffd" in names[1]["custom_fields"]


def test_atomic_stores_all(client: FlaskClient) -> None:
    body = report(client, {"phone": PRIYA}, {"phone": JOHN}, {"phone": PRIYA}, atomic=True)
    assert statuses(body) == ["created", "created", "unchanged"]
    assert list(stored(client)) == [PRIYA, JOHN]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize(
    ("row", "details"),
    [
        ({"phone": "0124"}, ["phone"]),
        ({"phone": JOHN, "custom_fields": {"age": "old"}}, ["custom_fields"]),
        (None, ["contact"]),
    ],
)
def test_atomic_stores_all_or_none(
    client: FlaskClient, query: str, row: object, details: list[str]
) -> None:
    client.put(PIN, json={"type": "number"})
    response = post(client, {"phone": PRIYA}, row, {"phone": LATE}, row, query=query, atomic=True)
    assert response.status_code == 422
    error = response.get_json()["error"]
    assert error["code"] == "validation_error"
    assert {name: list(found) for name, found in error["details"].items()} == {
        "1": details,
        "3": details,
    }
    assert error["message"].startswith(f"1.{details[0]}")
    assert stored(client) == {} and changes(client) == []


@pytest.mark.parametrize("atomic", [False, True])
def test_dry_run_stores_nothing_and_sees_earlier_rows(client: FlaskClient, atomic: bool) -> None:
    client.post("/v1/contacts", json={"phone": PRIYA, "first_name": "Priya"})
    client.post("/v1/contacts", json={"phone": JOHN})
    client.post(f"/v1/contacts/{PRIYA}/merge", json={"from": JOHN})
    rows = [
        {"phone": LATE},
        {"phone": LATE},
        {"phone": LATE, "tags": ["a"]},
        {"phone": PRIYA, "last_name": "Sharma"},
        {"phone": JOHN, "last_name": "Sharma"},
        {"phone": JOHN, "tags": ["b"]},
        {"phone": PRIYA, "tags": ["b"]},
    ]
    before, events = stored(client), changes(client)
    dry = report(client, *rows, query="?dry_run=true", atomic=atomic)
    assert dry.pop("dry_run") is True
    assert stored(client) == before and changes(client) == events
    assert dry == report(client, *rows, atomic=atomic)
    expected = ["created", "unchanged", "updated", "updated", "unchanged", "updated", "unchanged"]
    assert statuses(dry) == expected
    assert dry["results"][4]["id"] == f"cnt_{PRIYA}"


def test_accepts_at_most_a_thousand_rows(client: FlaskClient) -> None:
    assert report(client)["results"] == []
    rows = [{"phone": phone(number)} for number in range(MAX_ROWS)]
    assert report(client, *rows)["created"] == MAX_ROWS
    assert report(client, *rows)["unchanged"] == MAX_ROWS
    assert len(client.get("/v1/changes?after=0&limit=1000").get_json()["changes"]) == MAX_ROWS
    response = post(client, *rows, {"phone": PRIYA})
    assert response.status_code == 422
    assert list(response.get_json()["error"]["details"]) == ["contacts"]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["contacts"]),
        ({"contacts": None}, ["contacts"]),
        ({"contacts": {}}, ["contacts"]),
        ({"contacts": "x"}, ["contacts"]),
        ({"contacts": [], "atomic": "true"}, ["atomic"]),
        ({"contacts": [], "atomic": 1}, ["atomic"]),
        ({"contacts": [], "atomic": None}, ["atomic"]),
        ({"contacts": [], "dry_run": True}, ["dry_run"]),
    ],
)
def test_rejects_an_invalid_body(
    client: FlaskClient, body: dict[str, object], names: list[str]
) -> None:
    response = client.post("/v1/contacts/batch", json=body)
    assert response.status_code == 422
    assert list(response.get_json()["error"]["details"]) == names


def test_takes_a_larger_body_than_other_routes(client: FlaskClient, settings: Settings) -> None:
    long = {f"key{number}": "x" * 4_096 for number in range(3)}
    rows = [{"phone": phone(number), "custom_fields": long} for number in range(100)]
    response = post(client, *rows)
    assert response.request.content_length and response.status_code == 200
    assert response.request.content_length > settings.max_body_bytes
    headers = {"Content-Type": "application/json"}
    declared = {"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)}
    too_large = client.post("/v1/contacts/batch", headers=headers, environ_overrides=declared)
    assert too_large.status_code == 413


def test_needs_the_scope_to_write(app: Flask, db: Database) -> None:
    key = create_api_key(db, label="reader", scopes=("contacts:read", "admin"))
    headers = {"Authorization": f"Bearer {key}"}
    rows = {"contacts": [{"phone": PRIYA}]}
    assert app.test_client().post("/v1/contacts/batch", json=rows).status_code == 401
    response = app.test_client().post("/v1/contacts/batch", json=rows, headers=headers)
    assert response.status_code == 403


@pytest.mark.one_engine
def test_checks_phones_as_the_settings_say(settings: Settings) -> None:
    app = create_app(load({"CONTACTS_PHONE_CHECK": "valid"}, data=settings.data))
    key = create_api_key(service_of(app).db, label="crm", scopes=("contacts:write",))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    body = report(client, {"phone": "910000000000"}, {"phone": PRIYA})
    assert statuses(body) == ["failed", "created"]
    service_of(app).db.close()


def test_other_writers_run_between_chunks(
    client: FlaskClient, app: Flask, key: str, monkeypatch: MonkeyPatch
) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    answers: list[int] = []

    def post_late() -> None:
        body = {"phone": LATE, "first_name": f"{len(answers)}"}
        response = app.test_client().post("/v1/contacts", json=body, headers=headers)
        answers.append(response.status_code)
        service_of(app).db.close()

    def pause(seconds: float) -> None:
        if seconds != bulk.PAUSE_SECONDS:
            return sleep(seconds)
        other = threading.Thread(target=post_late)
        other.start()
        other.join()

    sleep = bulk.time.sleep

    monkeypatch.setattr(bulk, "CHUNK_SECONDS", 0.0)  # One slice each.
    monkeypatch.setattr(bulk, "SLICE", 1)
    monkeypatch.setattr(bulk, "PAUSE_SECONDS", 0.001234)
    monkeypatch.setattr(bulk.time, "sleep", pause)
    body = report(client, *({"phone": phone(number)} for number in range(4)))
    assert body["created"] == 4 and answers == [201, 200, 200]
    events = [each["data"]["phone"] for each in changes(client)]
    assert events == [phone(0), LATE, phone(1), LATE, phone(2), LATE, phone(3)]


@pytest.mark.sqlite
@pytest.mark.parametrize("atomic", [False, True])
def test_a_full_disk_stores_no_part_of_a_chunk(
    client: FlaskClient, db: Database, atomic: bool
) -> None:
    [(pages,)] = db.connection().execute("PRAGMA page_count")
    db.connection().execute(f"PRAGMA max_page_count = {pages + 20}")
    long = {f"key{number}": "x" * 4_096 for number in range(20)}
    response = post(
        client,
        *({"phone": phone(number), "custom_fields": long} for number in range(20)),
        atomic=atomic,
    )
    assert response.status_code == 507
    assert stored(client) == {} and changes(client) == []


@pytest.mark.sqlite
def test_reports_the_rows_stored_before_the_disk_was_full(
    client: FlaskClient, db: Database, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(bulk, "SLICE", 1)
    [(pages,)] = db.connection().execute("PRAGMA page_count")
    db.connection().execute(f"PRAGMA max_page_count = {pages + 200}")
    long = {f"key{number}": "x" * 4_096 for number in range(20)}
    rows = [{"phone": phone(number), "custom_fields": long} for number in range(20)]
    body = report(client, {"phone": "0"}, *rows, {"phone": "0"})
    codes = [each.get("error", {}).get("code") for each in body["results"]]
    assert codes[0] == codes[-1] == "validation_error"
    assert body["created"] == len(stored(client)) > 0
    failed = 20 - body["created"]
    assert failed and codes[-failed - 1 : -1] == ["insufficient_storage"] * failed
    assert store_faults(db) == []


def test_limits_how_long_other_writers_wait(client: FlaskClient) -> None:
    def row(number: int) -> dict[str, object]:
        fields = {f"key {key}": key for key in range(200)}
        return {"phone": f"9188568{number:05d}", "custom_fields": fields}

    body = {"contacts": [row(number) for number in range(101)]}
    answer = client.post("/v1/contacts/batch", json=body | {"atomic": True})
    assert answer.status_code == 413
    assert "20000" in answer.json["error"]["message"]
    assert client.get("/v1/contacts").json["pagination"]["total"] == 0
    assert client.post("/v1/contacts/batch", json=body).json["created"] == 101


def test_rows_with_many_links_are_written_in_smaller_slices() -> None:
    light = [Draft(f"9188568{number:05d}") for number in range(600)]
    heavy = [each._replace(custom_fields=dict.fromkeys(map(str, range(200)), 1)) for each in light]
    taken = [len(bulk._slice(each)) for each in (light, heavy, light[:7], heavy[:3], heavy[:1])]
    assert taken == [bulk.SLICE, bulk.SLICE_LINKS // 200, 7, 3, 1]


@pytest.mark.parametrize("name", ["id", "created_at", "updated_at", "nickname"])
def test_rejects_read_only_and_unknown_fields_even_with_null(
    client: FlaskClient, name: str
) -> None:
    body = {"contacts": [{"phone": "918856879188", name: None}]}
    answer = client.post("/v1/contacts/batch", json=body)
    assert answer.json is not None and answer.json["results"][0]["status"] == "failed"
