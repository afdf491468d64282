"""The routes of one contact."""

import sqlite3
import time
from contextlib import closing
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.contacts import handlers
from app.contacts.model import Change
from app.database import Database
from app.web.service import service_of

ID = "cnt_918856879188"
URL = f"/v1/contacts/{ID}"
PRIYA = {
    "phone": "918856879188",
    "first_name": "Priya",
    "email": "priya@example.com",
    "tags": ["Lead", "VIP"],
    "custom_fields": {"plan": "pro", "age": 30},
}
OTHER = {
    "phone": "14155552671",
    "first_name": "P.",
    "last_name": "Sharma",
    "tags": ["VIP", "Old"],
    "custom_fields": {"plan": "free", "city": "Pune"},
}


@pytest.fixture
def priya(client: FlaskClient) -> dict[str, Any]:
    return _post(client, PRIYA)


@pytest.fixture
def other(client: FlaskClient) -> dict[str, Any]:
    return _post(client, OTHER)


def _post(client: FlaskClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/contacts", json=body)
    assert answer.status_code == 201
    contact: dict[str, Any] = answer.get_json()["contact"]
    return contact


def _error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


@pytest.mark.parametrize(
    "id", [ID, "918856879188", "+91 88568 79188", "00918856879188", "cnt_+918856879188"]
)
def test_gets_by_any_spelling(client: FlaskClient, priya: dict[str, Any], id: str) -> None:
    answer = client.get(f"/v1/contacts/{id}")
    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "contact": priya}


@pytest.mark.parametrize("id", ["cnt_14155552671", "14155552671", "abc", "cnt_", "0", "%00", "😀"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_unknown_contact_returns_404(client: FlaskClient, method: str, id: str) -> None:
    answer = client.open(f"/v1/contacts/{id}", method=method, json={"first_name": "X"})
    assert _error(answer) == (404, "not_found")


def test_not_modified_has_no_body(client: FlaskClient, priya: dict[str, Any]) -> None:
    etag = client.get(URL).headers["ETag"]
    answer = client.get(URL, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", etag)
    client.patch(URL, json={"last_name": "Sharma"})
    assert client.get(URL, headers={"If-None-Match": etag}).status_code == 200


def test_patch_sets_clears_and_keeps_fields(client: FlaskClient, priya: dict[str, Any]) -> None:
    body = {"first_name": None, "last_name": "Sharma", "custom_fields": {"age": None, "city": "X"}}
    answer = client.patch(URL, json=body).get_json()
    assert answer["changed"] == [
        "first_name",
        "last_name",
        "custom_fields.age",
        "custom_fields.city",
    ]
    contact = answer["contact"]
    assert (contact["first_name"], contact["last_name"]) == (None, "Sharma")
    assert contact["email"] == "priya@example.com"
    assert contact["custom_fields"] == {"plan": "pro", "city": "X"}
    assert client.get(URL).get_json()["contact"] == contact


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"tags": None}, "tags", []),
        ({"tags": ["New"]}, "tags", ["New"]),
        ({"custom_fields": None}, "custom_fields", {}),
        ({"email": ""}, "email", None),
    ],
)
def test_patch_changes_only_the_given_field(
    client: FlaskClient, priya: dict[str, Any], body: dict[str, Any], field: str, value: object
) -> None:
    contact = client.patch(URL, json=body).get_json()["contact"]
    expected = priya | {field: value, "updated_at": contact["updated_at"]}
    assert contact == expected


@pytest.mark.sqlite
def test_patch_that_changes_nothing_writes_nothing(
    client: FlaskClient, db: Database, priya: dict[str, Any]
) -> None:
    # Only another connection sees that this number changes with a write.
    with closing(sqlite3.connect(db.path)) as reader:
        before = reader.execute("PRAGMA data_version").fetchone()
        answer = client.patch(URL, json={"first_name": "Priya", "custom_fields": {"none": None}})
        assert answer.get_json() == {"success": True, "contact": priya, "changed": []}
        assert reader.execute("PRAGMA data_version").fetchone() == before


def test_patch_takes_merge_patch_media_type(client: FlaskClient, priya: dict[str, Any]) -> None:
    kind = {"content_type": "application/merge-patch+json"}
    assert client.patch(URL, data='{"last_name": "S"}', **kind).status_code == 200
    assert _error(client.post("/v1/contacts", data="{}", **kind)) == (415, "unsupported_media_type")


@pytest.mark.parametrize("body", [{"nope": 1}, {"tags": [""]}, {"email": "x"}, {"id": "cnt_1"}])
def test_rejects_a_bad_patch(
    client: FlaskClient, priya: dict[str, Any], body: dict[str, Any]
) -> None:
    assert _error(client.patch(URL, json=body)) == (422, "validation_error")
    assert client.get(URL).get_json()["contact"] == priya


@pytest.mark.usefixtures("priya")
@pytest.mark.parametrize("phone", ["14155552671", None, 7])
def test_patch_rejects_another_phone(client: FlaskClient, phone: object) -> None:
    answer = client.patch(URL, json={"phone": phone})
    assert _error(answer) == (409, "conflict")
    assert ID in answer.get_json()["error"]["message"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_stale_if_match_returns_412(
    client: FlaskClient, priya: dict[str, Any], method: str
) -> None:
    stale = {"If-Match": client.get(URL).headers["ETag"]}
    fresh = {"If-Match": client.patch(URL, json={"last_name": "Sharma"}).headers["ETag"]}
    body = {"last_name": "Late"}
    assert _error(client.open(URL, method=method, json=body, headers=stale)) == (
        412,
        "precondition_failed",
    )
    assert client.get(URL).get_json()["contact"]["last_name"] == "Sharma"
    assert client.open(URL, method=method, json=body, headers=fresh).status_code == 200


def test_if_match_star_matches_any_version(client: FlaskClient, priya: dict[str, Any]) -> None:
    headers = {"If-Match": "*"}
    assert client.patch(URL, json={"last_name": "S"}, headers=headers).status_code == 200


def test_two_clients_on_different_fields_lose_nothing(app: Flask, key: str) -> None:
    def patch(field: str) -> None:
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        for number in range(200):
            body = {"custom_fields": {f"{field}{number}": number} if number < 90 else {}}
            answers.append(client.patch(URL, json=body | {field: f"{number}"}).status_code)
        service_of(app).db.close()

    answers: list[int] = []
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    _post(client, PRIYA)
    threads = [Thread(target=patch, args=[field]) for field in ("first_name", "last_name")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    contact = client.get(URL).get_json()["contact"]
    assert answers == [200] * 400
    assert (contact["first_name"], contact["last_name"]) == ("199", "199")
    assert len(contact["custom_fields"]) == 2 + 180


def test_deletes_a_contact(client: FlaskClient, db: Database, priya: dict[str, Any]) -> None:
    answer = client.delete(URL)
    assert answer.get_json() == {"success": True, "contact": {"id": ID, "deleted": True}}
    assert _error(client.delete(URL)) == (404, "not_found")
    assert client.get("/v1/contacts").get_json()["pagination"]["total"] == 0
    for table in ("contacts", "tags", "contact_tags", "custom_fields", "custom_field_values"):
        assert db.connection().execute(f"SELECT * FROM {table}") == [], table


def test_a_deleted_contact_can_be_created_again(client: FlaskClient, priya: dict[str, Any]) -> None:
    client.delete(URL)
    assert _post(client, {"phone": PRIYA["phone"]})["first_name"] is None


def test_adds_and_removes_tags(client: FlaskClient, priya: dict[str, Any]) -> None:
    answer = client.post(f"{URL}/tags", json={"tags": ["VIP", "a/b", " New "]}).get_json()
    assert answer["contact"]["tags"] == ["Lead", "VIP", "a/b", "New"]
    assert answer["changed"] == ["tags"]
    answer = client.delete(f"{URL}/tags/a/b").get_json()
    assert answer["contact"]["tags"] == ["Lead", "VIP", "New"]
    assert client.get("/v1/contacts?tag=a/b").get_json()["pagination"]["total"] == 0


def test_removing_a_tag_that_the_contact_lacks_changes_nothing(
    client: FlaskClient, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    answer = client.delete(f"{URL}/tags/Old")
    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "contact": priya, "changed": []}
    assert _error(client.delete(f"{URL}/tags/Nowhere")) == (404, "not_found")


def test_rejects_more_tags_than_fit(client: FlaskClient, priya: dict[str, Any]) -> None:
    tags = [f"t{number}" for number in range(99)]
    assert _error(client.post(f"{URL}/tags", json={"tags": tags})) == (422, "validation_error")
    assert client.get(URL).get_json()["contact"] == priya
    assert _error(client.post(f"{URL}/tags", json={})) == (422, "validation_error")


def test_merge_copies_missing_values(
    client: FlaskClient, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    answer = client.post(f"{URL}/merge", json={"from": other["id"]}).get_json()
    contact = answer["contact"]
    assert (contact["first_name"], contact["last_name"]) == ("Priya", "Sharma")
    assert contact["tags"] == ["Lead", "VIP", "Old"]
    assert contact["custom_fields"] == {"plan": "pro", "age": 30, "city": "Pune"}
    assert answer["changed"] == ["last_name", "tags", "custom_fields.city"]
    assert client.get("/v1/contacts").get_json()["pagination"]["total"] == 1


def test_alias_reaches_the_survivor(
    client: FlaskClient, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    client.post(f"{URL}/merge", json={"from": "+1 415 555 2671"})
    alias = f"/v1/contacts/{other['id']}"
    assert client.get(alias).get_json()["contact"]["id"] == ID
    assert client.patch(alias, json={"email": "p@example.com"}).get_json()["contact"]["id"] == ID
    posted = client.post("/v1/contacts", json={"phone": other["phone"], "last_name": "Rao"})
    assert posted.status_code == 200
    assert posted.get_json()["contact"] | {"updated_at": ""} == client.get(URL).get_json()[
        "contact"
    ] | {"updated_at": ""}


def test_merge_again_changes_nothing(
    client: FlaskClient, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    first = client.post(f"{URL}/merge", json={"from": other["id"]})
    again = client.post(f"{URL}/merge", json={"from": other["id"]})
    assert (again.status_code, again.get_json()["changed"]) == (200, [])
    assert again.get_json()["contact"] == first.get_json()["contact"]


def test_counts_a_merge_once_that_two_requests_wait_for(
    db: Database, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    found: list[Change] = []

    def merge() -> None:
        found.append(handlers.merge_contacts(db, priya["phone"], other["phone"]))
        db.close()

    threads = [Thread(target=merge) for _ in range(2)]
    with db.transaction():
        for each in threads:
            each.start()
        time.sleep(0.5)  # Both have seen that there is something to merge.
    for each in threads:
        each.join()
    assert sorted(bool(each.changed) for each in found) == [False, True]
    assert db.counters.read()["writes merged"] == 1


def test_aliases_follow_a_second_merge_and_are_deleted_with_the_survivor(
    client: FlaskClient, db: Database, priya: dict[str, Any], other: dict[str, Any]
) -> None:
    _post(client, {"phone": "442079460958"})
    client.post(f"{URL}/merge", json={"from": other["id"]})
    client.post("/v1/contacts/cnt_442079460958/merge", json={"from": ID})
    for id in (ID, other["id"]):
        assert client.get(f"/v1/contacts/{id}").get_json()["contact"]["phone"] == "442079460958"
    client.delete("/v1/contacts/cnt_442079460958")
    for id in (ID, other["id"]):
        assert client.get(f"/v1/contacts/{id}").status_code == 404
    assert db.connection().execute("SELECT * FROM aliases") == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ID, (409, "conflict")),
        ("cnt_442079460958", (404, "not_found")),
        ("x", (404, "not_found")),
        (5, (422, "validation_error")),
    ],
)
def test_rejects_invalid_merges(
    client: FlaskClient, priya: dict[str, Any], source: object, expected: tuple[int, str]
) -> None:
    assert _error(client.post(f"{URL}/merge", json={"from": source})) == expected
    assert client.get(URL).get_json()["contact"] == priya


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_rejects_query_parameters(client: FlaskClient, priya: dict[str, Any], method: str) -> None:
    answer = client.open(f"{URL}?dry_run=true", method=method, json={"first_name": "X"})
    assert _error(answer) == (422, "validation_error")
    assert client.get(URL).get_json()["contact"] == priya


def test_get_ignores_if_match(client: FlaskClient, priya: dict[str, Any]) -> None:
    assert client.get(URL, headers={"If-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tags", {"tags": ["New"]}),
        ("DELETE", "/tags/VIP", None),
        ("POST", "/merge", {"from": OTHER["phone"]}),
    ],
)
def test_if_match_guards_tags_and_merge(
    client: FlaskClient,
    priya: dict[str, Any],
    other: dict[str, Any],
    method: str,
    path: str,
    body: dict[str, Any] | None,
) -> None:
    headers = {"If-Match": '"other"'}
    answer = client.open(URL + path, method=method, json=body, headers=headers)
    assert _error(answer) == (412, "precondition_failed")
    assert client.get(URL).get_json()["contact"] == priya
    assert client.get(f"/v1/contacts/{other['id']}").get_json()["contact"] == other


@pytest.mark.parametrize(
    ("tag", "path"), [("/x", "%2Fx"), ("é", "e%CC%81"), ("Lead", "%20Lead%20"), ("a/b/", "a/b/")]
)
def test_removes_a_tag_however_it_is_written(client: FlaskClient, tag: str, path: str) -> None:
    _post(client, PRIYA | {"tags": [tag]})
    assert client.delete(f"{URL}/tags/{path}").get_json()["contact"]["tags"] == []


def test_patch_removes_199_fields_and_adds_five(client: FlaskClient) -> None:
    _post(client, PRIYA | {"custom_fields": {f"old{number}": 1 for number in range(200)}})
    fields = {f"old{number}": None for number in range(199)} | {f"new{n}": 1 for n in range(5)}
    contact = client.patch(URL, json={"custom_fields": fields}).get_json()["contact"]
    assert len(contact["custom_fields"]) == 6


def test_finds_a_stored_number_in_an_old_spelling(
    client: FlaskClient, db: Database, priya: dict[str, Any]
) -> None:
    with db.transaction() as tx:
        tx.execute(
            "UPDATE contacts SET phone = '5215512345678',"
            " document = replace(document, '918856879188', '5215512345678')"
        )
    assert client.get("/v1/contacts/cnt_5215512345678").status_code == 200


@pytest.mark.one_engine
def test_rejects_a_long_run_of_combining_marks_at_once(client: FlaskClient) -> None:
    marks = "a" + "\u0301\u0323" * 20_000
    body = {"phone": "918856879188", "first_name": marks, "tags": [marks]}
    assert _error(client.post("/v1/contacts", json=body)) == (422, "validation_error")


@pytest.mark.one_engine
def test_names_of_routes_are_not_read_as_ids_of_contacts(client: FlaskClient) -> None:
    for name in ("search", "batch"):
        answer = client.get(f"/v1/contacts/{name}")
        assert answer.status_code == 405
        assert answer.allow.as_set() == {"post", "options"}
    assert client.get("/v1/contacts/searches").status_code == 404
