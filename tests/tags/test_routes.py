"""The routes of tags: list, rename, merge, delete."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api_keys.handlers import create_api_key
from app.database import Database
from tests.conftest import store_faults

OLD = "2020-01-01T00:00:00Z"


@pytest.fixture
def three_contacts(client: FlaskClient, db: Database) -> None:
    _post(client, "918856879188", "Lead", "VIP", "a/b")
    _post(client, "14155552671", "VIP")
    _post(client, "442079460958", "Gold", "é", "VIP", "Lead")
    with db.transaction() as tx:
        tx.execute("UPDATE contacts SET updated_at = :old", {"old": OLD})


def _post(client: FlaskClient, phone: str, *tags: str) -> None:
    assert client.post("/v1/contacts", json={"phone": phone, "tags": tags}).status_code == 201


def _tags(client: FlaskClient) -> dict[str, int]:
    listed = client.get("/v1/tags?limit=100").get_json()["tags"]
    return {tag["name"]: tag["contacts"] for tag in listed}


def _contacts(client: FlaskClient) -> list[dict[str, Any]]:
    answer = client.get("/v1/contacts?include=updated_at").get_json()
    contacts: list[dict[str, Any]] = answer["contacts"]
    return contacts


def _error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


@pytest.mark.usefixtures("three_contacts")
def test_lists_by_name_with_counts(client: FlaskClient) -> None:
    assert client.get("/v1/tags").get_json() == {
        "success": True,
        "tags": [
            {"name": "Gold", "contacts": 1},
            {"name": "Lead", "contacts": 2},
            {"name": "VIP", "contacts": 3},
            {"name": "a/b", "contacts": 1},
            {"name": "é", "contacts": 1},
        ],
        "pagination": {"total": 5, "limit": 20, "offset": 0},
    }


@pytest.mark.usefixtures("three_contacts")
def test_pages_by_limit_and_offset(client: FlaskClient) -> None:
    answer = client.get("/v1/tags?limit=2&offset=1").get_json()
    assert [tag["name"] for tag in answer["tags"]] == ["Lead", "VIP"]
    assert answer["pagination"] == {"total": 5, "limit": 2, "offset": 1}
    answer = client.get("/v1/tags?offset=9").get_json()
    assert (answer["tags"], answer["pagination"]["total"]) == ([], 5)


def test_lists_no_tags_in_an_empty_store(client: FlaskClient) -> None:
    answer = client.get("/v1/tags").get_json()
    assert (answer["tags"], answer["pagination"]["total"]) == ([], 0)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "offset=-1", "tag=VIP", "limit=1&limit=1"]
)
def test_rejects_a_bad_query(client: FlaskClient, query: str) -> None:
    assert _error(client.get(f"/v1/tags?{query}")) == (422, "validation_error")


@pytest.mark.usefixtures("three_contacts")
def test_renames_in_place(client: FlaskClient, db: Database) -> None:
    answer = client.patch("/v1/tags/VIP", json={"name": " Silver "})
    assert answer.status_code == 200
    assert answer.get_json() == {
        "success": True,
        "tag": {"name": "Silver", "contacts": 3},
        "changed": 3,
    }
    contacts = _contacts(client)
    assert [contact["tags"] for contact in contacts] == [
        ["Lead", "Silver", "a/b"],
        ["Silver"],
        ["Gold", "é", "Silver", "Lead"],
    ]
    assert all(contact["updated_at"] > OLD for contact in contacts)
    assert _tags(client) == {"Gold": 1, "Lead": 2, "Silver": 3, "a/b": 1, "é": 1}
    assert client.get("/v1/contacts?tag=Silver").get_json()["pagination"]["total"] == 3
    assert client.get("/v1/contacts?tag=VIP").get_json()["pagination"]["total"] == 0
    assert store_faults(db) == []


@pytest.mark.usefixtures("three_contacts")
def test_merges_into_a_tag_that_exists(client: FlaskClient, db: Database) -> None:
    answer = client.patch("/v1/tags/Lead", json={"name": "Gold"}).get_json()
    assert (answer["tag"], answer["changed"]) == ({"name": "Gold", "contacts": 2}, 2)
    contacts = _contacts(client)
    # The third had both: the old tag is removed, the new one keeps its place.
    assert [contact["tags"] for contact in contacts] == [
        ["Gold", "VIP", "a/b"],
        ["VIP"],
        ["Gold", "é", "VIP"],
    ]
    assert [contact["updated_at"] > OLD for contact in contacts] == [True, False, True]
    assert _tags(client) == {"Gold": 2, "VIP": 3, "a/b": 1, "é": 1}
    assert store_faults(db) == []


@pytest.mark.usefixtures("three_contacts")
def test_renaming_a_tag_to_its_own_name_writes_nothing(client: FlaskClient) -> None:
    answer = client.patch("/v1/tags/VIP", json={"name": "VIP"})
    assert answer.get_json() == {
        "success": True,
        "tag": {"name": "VIP", "contacts": 3},
        "changed": 0,
    }
    assert [contact["updated_at"] for contact in _contacts(client)] == [OLD] * 3


@pytest.mark.usefixtures("three_contacts")
def test_reports_each_change_once(client: FlaskClient) -> None:
    client.patch("/v1/tags/VIP", json={"name": "Gold"})
    client.patch("/v1/tags/Gold", json={"name": "Gold"})
    client.delete("/v1/tags/Gold")
    client.delete("/v1/tags/Gold")
    changes = client.get("/v1/changes").get_json()["changes"]
    assert [(each["event"], each["data"]) for each in changes[3:]] == [
        ("tag.renamed", {"name": "VIP", "new_name": "Gold"}),
        ("tag.deleted", {"name": "Gold"}),
    ]


@pytest.mark.usefixtures("three_contacts")
def test_names_are_case_sensitive(client: FlaskClient) -> None:
    assert client.patch("/v1/tags/vip", json={"name": "VIP"}).status_code == 404
    assert client.patch("/v1/tags/VIP", json={"name": "vip"}).get_json()["changed"] == 3


@pytest.mark.usefixtures("three_contacts")
def test_deletes_a_tag(client: FlaskClient, db: Database) -> None:
    answer = client.delete("/v1/tags/VIP")
    assert answer.get_json() == {
        "success": True,
        "tag": {"name": "VIP", "deleted": True},
        "changed": 3,
    }
    contacts = _contacts(client)
    assert [contact["tags"] for contact in contacts] == [["Lead", "a/b"], [], ["Gold", "é", "Lead"]]
    assert all(contact["updated_at"] > OLD for contact in contacts)
    assert "VIP" not in _tags(client)
    assert _error(client.delete("/v1/tags/VIP")) == (404, "not_found")
    assert store_faults(db) == []


@pytest.mark.usefixtures("three_contacts")
@pytest.mark.parametrize(
    ("path", "name"), [("a/b", "a/b"), ("a%2Fb", "a/b"), ("e%CC%81", "é"), ("%20VIP%20", "VIP")]
)
def test_accepts_every_encoding_of_a_name(client: FlaskClient, path: str, name: str) -> None:
    assert client.delete(f"/v1/tags/{path}").get_json()["tag"]["name"] == name


@pytest.mark.parametrize("name", ["Nowhere", "%00", "x" * 200, "%20", "a/"])
def test_an_unknown_tag_is_404(client: FlaskClient, name: str) -> None:
    assert _error(client.delete(f"/v1/tags/{name}")) == (404, "not_found")
    assert _error(client.patch(f"/v1/tags/{name}", json={"name": "x"})) == (404, "not_found")
    same = client.patch("/v1/tags/Nowhere", json={"name": "Nowhere"})
    assert _error(same) == (404, "not_found")


@pytest.mark.usefixtures("three_contacts")
@pytest.mark.parametrize(
    "body",
    [{}, {"name": None}, {"name": ""}, {"name": 1}, {"name": "x" * 101}, {"name": "x", "to": "y"}],
)
def test_rejects_a_bad_rename(client: FlaskClient, body: dict[str, object]) -> None:
    assert _error(client.patch("/v1/tags/VIP", json=body)) == (422, "validation_error")
    assert _tags(client)["VIP"] == 3


@pytest.mark.usefixtures("three_contacts")
def test_rejects_a_query_on_one_tag(client: FlaskClient) -> None:
    for answer in (
        client.delete("/v1/tags/VIP?dry_run=true"),
        client.patch("/v1/tags/VIP?dry_run=true", json={"name": "x"}),
    ):
        assert _error(answer) == (422, "validation_error")
    assert _tags(client)["VIP"] == 3


@pytest.mark.usefixtures("three_contacts")
def test_routes_need_their_scopes(anonymous: FlaskClient, db: Database) -> None:
    reader = create_api_key(db, label="reader", scopes=("contacts:read",))
    writer = create_api_key(db, label="writer", scopes=("contacts:write",))
    as_reader, as_writer = ({"Authorization": f"Bearer {key}"} for key in (reader, writer))
    assert anonymous.get("/v1/tags", headers=as_reader).status_code == 200
    assert anonymous.get("/v1/tags", headers=as_writer).status_code == 403
    assert anonymous.delete("/v1/tags/VIP", headers=as_reader).status_code == 403
    assert anonymous.patch("/v1/tags/VIP", json={"name": "x"}, headers=as_reader).status_code == 403
    assert anonymous.delete("/v1/tags/VIP", headers=as_writer).status_code == 200
