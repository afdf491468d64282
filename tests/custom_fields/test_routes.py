"""The routes of custom fields: list, pin, delete."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api_keys.handlers import create_api_key
from app.database import Database
from tests.conftest import store_faults

OLD = "2020-01-01T00:00:00Z"
URL = "/v1/custom-fields"
ID = "/v1/contacts/cnt_918856879188"


@pytest.fixture
def three_contacts(client: FlaskClient, db: Database) -> None:
    _post(client, "918856879188", {"plan": "pro", "age": 30, "a/b": True})
    _post(client, "14155552671", {"plan": "pro", "age": "thirty"})
    _post(client, "442079460958", {"plan": "free"})
    with db.transaction() as tx:
        tx.execute("UPDATE contacts SET updated_at = :old", {"old": OLD})


def _post(client: FlaskClient, phone: str, fields: dict[str, object]) -> None:
    answer = client.post("/v1/contacts", json={"phone": phone, "custom_fields": fields})
    assert answer.status_code == 201


def _fields(client: FlaskClient) -> dict[str, dict[str, Any]]:
    listed = client.get(f"{URL}?limit=100").get_json()["custom_fields"]
    return {field["key"]: field for field in listed}


def _contacts(client: FlaskClient) -> list[dict[str, Any]]:
    answer = client.get("/v1/contacts?include=custom_fields,updated_at").get_json()
    contacts: list[dict[str, Any]] = answer["contacts"]
    return contacts


def _field(
    key: str,
    type_: str | None,
    contacts: int,
    label: str | None = None,
    required: str | None = None,
) -> dict[str, object]:
    return {
        "key": key,
        "type": type_,
        "contacts": contacts,
        "label": label,
        "required_type": required,
    }


def _error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


@pytest.mark.usefixtures("three_contacts")
def test_lists_by_key_with_type_and_count(client: FlaskClient) -> None:
    assert client.get(URL).get_json() == {
        "success": True,
        "custom_fields": [
            _field("a/b", "boolean", 1),
            _field("age", "mixed", 2),
            _field("plan", "string", 3),
        ],
        "pagination": {"total": 3, "limit": 20, "offset": 0},
    }
    page = client.get(f"{URL}?limit=1&offset=1").get_json()
    assert [field["key"] for field in page["custom_fields"]] == ["age"]
    assert page["pagination"] == {"total": 3, "limit": 1, "offset": 1}


@pytest.mark.one_engine
@pytest.mark.parametrize("query", ["limit=0", "offset=x", "key=plan"])
def test_rejects_a_bad_query(client: FlaskClient, query: str) -> None:
    assert _error(client.get(f"{URL}?{query}")) == (422, "validation_error")


@pytest.mark.usefixtures("three_contacts")
def test_pins_an_existing_field(client: FlaskClient, db: Database) -> None:
    answer = client.put(f"{URL}/age", json={"label": " Age ", "type": "number"})
    assert answer.status_code == 200
    expected = _field("age", "mixed", 2, "Age", "number")
    assert answer.get_json() == {"success": True, "custom_field": expected}
    assert _fields(client)["age"] == expected
    # Stored values of another type are kept.
    assert _contacts(client)[1]["custom_fields"]["age"] == "thirty"
    assert store_faults(db) == []


def test_pins_a_field_that_no_contact_has_yet(client: FlaskClient) -> None:
    client.put(f"{URL}/city", json={"type": "string"})
    client.put(f"{URL}/zip", json={"label": "Zip"})
    assert _fields(client) == {
        "city": _field("city", "string", 0, None, "string"),
        "zip": _field("zip", None, 0, "Zip"),
    }
    assert client.get(URL).get_json()["pagination"]["total"] == 2


def test_put_replaces_label_and_type(client: FlaskClient) -> None:
    client.put(f"{URL}/city", json={"label": "City", "type": "string"})
    assert client.put(f"{URL}/city", json={"type": "number"}).get_json()["custom_field"] == _field(
        "city", "number", 0, None, "number"
    )


def test_unpinning_a_field_that_no_contact_has_removes_it(client: FlaskClient) -> None:
    client.put(f"{URL}/city", json={"label": "City"})
    answer = client.put(f"{URL}/city", json={"label": None, "type": None})
    assert answer.get_json()["custom_field"] == _field("city", None, 0)
    assert client.put(f"{URL}/never", json={}).status_code == 200
    assert (_fields(client), client.get(URL).get_json()["pagination"]["total"]) == ({}, 0)


@pytest.mark.usefixtures("three_contacts")
def test_a_pinned_field_is_listed_without_contacts(client: FlaskClient, db: Database) -> None:
    client.put(f"{URL}/a%2Fb", json={"label": "A"})
    client.patch(ID, json={"custom_fields": None})
    assert _fields(client).keys() == {"a/b", "age", "plan"}
    assert _fields(client)["a/b"] == _field("a/b", None, 0, "A")
    _post(client, "918856879199", {"a/b": 1})
    assert _fields(client)["a/b"] == _field("a/b", "number", 1, "A")
    assert store_faults(db) == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "money"},
        {"type": 1},
        {"type": "Number"},
        {"label": 5},
        {"label": "x" * 256},
        {"label": "a\x00"},
        {"required_type": "number"},
        {"key": "age"},
    ],
)
def test_rejects_a_bad_pin(client: FlaskClient, body: dict[str, object]) -> None:
    assert _error(client.put(f"{URL}/age", json=body)) == (422, "validation_error")
    assert _fields(client) == {}


@pytest.mark.parametrize("name", ["x" * 65, "a[b]", "%20", "a%00b"])
def test_rejects_a_key_that_no_contact_could_have(client: FlaskClient, name: str) -> None:
    answer = client.put(f"{URL}/{name}", json={"label": "x"})
    assert _error(answer) == (422, "validation_error")
    assert list(answer.get_json()["error"]["details"]) == ["key"]
    assert _error(client.delete(f"{URL}/{name}")) == (404, "not_found")


@pytest.mark.usefixtures("three_contacts")
def test_deletes_a_field(client: FlaskClient, db: Database) -> None:
    client.put(f"{URL}/plan", json={"label": "Plan", "type": "string"})
    answer = client.delete(f"{URL}/plan")
    assert answer.get_json() == {
        "success": True,
        "custom_field": {"key": "plan", "deleted": True},
        "changed": 3,
    }
    contacts = _contacts(client)
    assert [contact["custom_fields"] for contact in contacts] == [
        {"age": 30, "a/b": True},
        {"age": "thirty"},
        {},
    ]
    assert all(contact["updated_at"] > OLD for contact in contacts)
    assert _fields(client).keys() == {"a/b", "age"}
    assert _error(client.delete(f"{URL}/plan")) == (404, "not_found")
    assert store_faults(db) == []


@pytest.mark.usefixtures("three_contacts")
def test_deletes_values_of_every_type(client: FlaskClient, db: Database) -> None:
    assert client.delete(f"{URL}/age").get_json()["changed"] == 2
    assert client.delete(f"{URL}/a/b").get_json()["custom_field"]["key"] == "a/b"
    assert [contact["updated_at"] > OLD for contact in _contacts(client)] == [True, True, False]
    assert store_faults(db) == []


@pytest.mark.usefixtures("three_contacts")
def test_reports_a_deletion_once(client: FlaskClient) -> None:
    client.put(f"{URL}/plan", json={"label": "Plan"})
    client.delete(f"{URL}/plan")
    client.delete(f"{URL}/plan")
    changes = client.get("/v1/changes").get_json()["changes"]
    assert [(each["event"], each["data"]) for each in changes[3:]] == [
        ("custom_field.deleted", {"key": "plan"})
    ]


def test_deletes_a_field_that_is_only_pinned(client: FlaskClient) -> None:
    client.put(f"{URL}/city", json={"type": "string"})
    assert client.delete(f"{URL}/city").get_json()["changed"] == 0
    assert _error(client.delete(f"{URL}/city")) == (404, "not_found")
    _post(client, "918856879188", {"city": 5})


@pytest.mark.usefixtures("three_contacts")
def test_changes_need_the_scope_admin(anonymous: FlaskClient, db: Database) -> None:
    reader = create_api_key(db, label="reader", scopes=("contacts:read",))
    writer = create_api_key(db, label="writer", scopes=("contacts:read", "contacts:write"))
    as_reader, as_writer = ({"Authorization": f"Bearer {key}"} for key in (reader, writer))
    assert anonymous.get(URL, headers=as_reader).status_code == 200
    assert anonymous.put(f"{URL}/age", json={}, headers=as_writer).status_code == 403
    assert anonymous.delete(f"{URL}/age", headers=as_writer).status_code == 403


@pytest.mark.usefixtures("three_contacts")
def test_rejects_a_query_on_one_field(client: FlaskClient) -> None:
    for answer in (client.delete(f"{URL}/age?x=1"), client.put(f"{URL}/age?x=1", json={})):
        assert _error(answer) == (422, "validation_error")
    assert "age" in _fields(client)
