"""Values of another type than a pinned custom field has are converted or rejected."""

import random
import threading
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.custom_fields.handlers import pin_custom_field
from app.database import Database
from app.errors import InvalidInput

ID = "/v1/contacts/cnt_918856879188"
REASON = "Must be a number: this field is pinned to that type."


@pytest.fixture
def pinned(client: FlaskClient) -> None:
    """A contact with a string in `age`, which is pinned to numbers afterwards."""
    _post(client, {"age": "old", "plan": "pro"})
    client.put("/v1/custom-fields/age", json={"type": "number"})


def _post(
    client: FlaskClient, fields: dict[str, Any], phone: str = "918856879188", query: str = ""
) -> TestResponse:
    body = {"phone": phone, "custom_fields": fields}
    return client.post(f"/v1/contacts{query}", json=body)


def _assert_refused(answer: TestResponse) -> None:
    assert answer.status_code == 422
    error = answer.get_json()["error"]
    assert error["details"] == {"custom_fields": {"age": [REASON]}}


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("value", ["thirty", True, "007"])
@pytest.mark.parametrize("phone", ["918856879188", "14155552671"])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_post_rejects_another_type(
    client: FlaskClient, phone: str, query: str, value: object
) -> None:
    before = client.get("/v1/contacts?include=custom_fields").get_json()
    _assert_refused(_post(client, {"age": value, "plan": "free"}, phone, query))
    assert client.get("/v1/contacts?include=custom_fields").get_json() == before


@pytest.mark.usefixtures("pinned")
def test_patch_rejects_another_type(client: FlaskClient) -> None:
    _assert_refused(client.patch(ID, json={"custom_fields": {"age": False}}))


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("value", [30, 30.5, 0, "31", " 32 ", "1.5", "", None])
def test_accepts_values_of_the_type_and_blanks(client: FlaskClient, value: object) -> None:
    assert _post(client, {"age": value}).status_code == 200
    assert client.patch(ID, json={"custom_fields": {"age": None}}).status_code == 200


@pytest.mark.usefixtures("pinned")
def test_stored_values_of_other_types_are_kept(client: FlaskClient) -> None:
    assert _post(client, {"age": "old", "plan": "free"}).get_json()["changed"] == [
        "custom_fields.plan"
    ]
    assert client.patch(ID, json={"first_name": "Priya"}).status_code == 200
    assert client.post(f"{ID}/tags", json={"tags": ["VIP"]}).status_code == 200


@pytest.mark.usefixtures("pinned")
def test_merge_rejects_another_type(client: FlaskClient) -> None:
    assert _post(client, {"plan": "pro"}, "14155552671").status_code == 201
    answer = client.post("/v1/contacts/14155552671/merge", json={"from": "918856879188"})
    _assert_refused(answer)
    assert client.get(ID).status_code == 200
    assert client.post(f"{ID}/merge", json={"from": "14155552671"}).status_code == 200


@pytest.mark.usefixtures("pinned")
def test_a_field_without_a_type_accepts_every_type(client: FlaskClient) -> None:
    client.put("/v1/custom-fields/age", json={"label": "Age"})
    assert _post(client, {"age": True}).status_code == 200


@pytest.mark.usefixtures("pinned")
def test_values_are_converted_to_the_pinned_type(client: FlaskClient) -> None:
    created = _post(client, {"age": "30"}, "14155552671").get_json()
    assert created["contact"]["custom_fields"] == {"age": 30}
    assert created["changed"] == ["custom_fields.age"]
    assert _post(client, {"age": "30"}, "14155552671").get_json()["changed"] == []
    assert _post(client, {"age": "31"}, "14155552671", "?dry_run=true").get_json()["diff"] == {
        "custom_fields.age": {"before": 30, "after": 31}
    }
    patched = client.patch("/v1/contacts/14155552671", json={"custom_fields": {"age": "32"}})
    assert patched.get_json()["contact"]["custom_fields"] == {"age": 32}
    rows = [{"phone": "442079460958", "custom_fields": {"age": each}} for each in ("1", "1", "x")]
    results = client.post("/v1/contacts/batch", json={"contacts": rows}).get_json()["results"]
    assert [each["status"] for each in results] == ["created", "unchanged", "failed"]


def test_a_merge_converts_to_the_pinned_type(client: FlaskClient) -> None:
    _post(client, {"age": "30"})
    _post(client, {}, "14155552671")
    client.put("/v1/custom-fields/age", json={"type": "number"})
    merged = client.post("/v1/contacts/14155552671/merge", json={"from": "918856879188"})
    assert merged.get_json()["contact"]["custom_fields"] == {"age": 30}


def test_names_every_invalid_field(client: FlaskClient) -> None:
    for key, type_ in {"a": "string", "b": "boolean", "c": "number"}.items():
        client.put(f"/v1/custom-fields/{key}", json={"type": type_})
    answer = _post(client, {"a": 1, "b": 1, "c": "one"})
    assert answer.get_json()["error"]["details"] == {
        "custom_fields": {
            "b": ["Must be a boolean: this field is pinned to that type."],
            "c": [REASON],
        }
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_other_type_is_stored_after_a_pin(db: Database, seed: int) -> None:
    """Writers that run at the same time store no other type once the pin has returned."""
    source = random.Random(seed)
    others = threading.Barrier(4)

    def write(number: int) -> None:
        others.wait()
        for count in range(40):
            phone = f"9188{number}{count:07d}"
            try:
                upsert_contact(db, Draft(phone, custom_fields={"age": "old"}))
            except InvalidInput:
                break
        db.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    others.wait()
    for _ in range(source.randrange(20)):
        upsert_contact(db, Draft("14155552671", custom_fields={"other": source.random()}))
    seen = pin_custom_field(db, "age", label=None, required_type="number").strings
    for thread in threads:
        thread.join()
    [(strings,)] = db.connection().execute("SELECT strings FROM custom_fields WHERE key = 'age'")
    assert strings == seen
