"""The history of a contact, and its events: previous values and the acting key."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.journal import handlers as journal
from app.tags.handlers import rename_tag

CONTACTS = "/v1/contacts"
PHONE = "918856879188"
OTHER = "14155552671"


def history(client: FlaskClient, id: str = PHONE, **query: Any) -> Any:
    answer = client.get(f"{CONTACTS}/{id}/history", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def data(client: FlaskClient, id: str = PHONE) -> list[dict[str, Any]]:
    return [each["data"] for each in history(client, id)["history"]]


def test_events_have_the_previous_values(client: FlaskClient) -> None:
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya", "tags": ["Lead"]})
    client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"plan": "free", "n": 1}})
    body = {"first_name": None, "tags": ["VIP"], "custom_fields": {"plan": "pro", "n": None}}
    client.patch(f"{CONTACTS}/{PHONE}", json=body)
    last, second, first = data(client)
    assert first["changed"] == ["first_name", "tags"] and first["previous"] == {}
    assert second["previous"] == {"custom_fields.plan": None, "custom_fields.n": None}
    assert last["previous"] == {
        "first_name": "Priya",
        "tags": ["Lead"],
        "custom_fields.plan": "free",
        "custom_fields.n": 1,
    }
    assert set(last["previous"]) == set(last["changed"])


def test_events_name_the_key_that_made_the_change(client: FlaskClient, db: Database) -> None:
    secret = create_api_key(db, label="flow", scopes=("contacts:write", "admin"))
    other = {"Authorization": f"Bearer {secret}"}
    ids = dict(db.connection().execute("SELECT label, id FROM api_keys"))
    client.post(CONTACTS, json={"phone": PHONE, "tags": ["Lead"]})
    client.post(f"{CONTACTS}/batch", json={"contacts": [{"phone": OTHER}]}, headers=other)
    client.post(f"{CONTACTS}/{PHONE}/tags", json={"tags": ["VIP"]}, headers=other)
    client.patch("/v1/tags/Lead", json={"name": "Old"}, headers=other)
    client.post(f"{CONTACTS}/{PHONE}/merge", json={"from": OTHER})
    client.delete(f"{CONTACTS}/{PHONE}", headers=other)
    found = client.get("/v1/changes").get_json()["changes"]
    tests, flow = ids["tests"], ids["flow"]
    assert [(each["event"], each["actor"]) for each in found] == [
        ("contact.created", tests),
        ("contact.created", flow),
        ("contact.updated", flow),
        ("tag.renamed", flow),
        ("contact.merged", tests),
        ("contact.deleted", flow),
    ]


def test_a_command_has_no_acting_key(client: FlaskClient, db: Database) -> None:
    client.post(CONTACTS, json={"phone": PHONE, "tags": ["Lead"]})
    rename_tag(db, "Lead", "VIP")
    [created, renamed] = client.get("/v1/changes").get_json()["changes"]
    assert created["actor"] and renamed["actor"] is None


def test_writes_that_wait_together_keep_their_keys(client: FlaskClient, db: Database) -> None:
    """One thread commits for all: their events must not get its key."""
    from app.api_keys.actor import call_for
    from app.contacts import writer
    from app.contacts.model import Draft

    first = call_for("key_1", writer.upsert_edit, Draft(PHONE))
    second = call_for("key_2", writer.upsert_edit, Draft(OTHER))
    with db.transaction() as tx:
        writer.write_edits(tx, [first, second])
    found = client.get("/v1/changes").get_json()["changes"]
    assert [each["actor"] for each in found] == ["key_1", "key_2"]


def test_pages_from_the_newest_event(client: FlaskClient) -> None:
    for number in range(7):
        client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"n": number}})
        client.post(CONTACTS, json={"phone": OTHER, "custom_fields": {"n": number}})
    seen: list[int] = []
    cursor: Any = "start"
    while cursor is not None:
        page = history(client, limit=3, cursor=cursor)
        assert len(page["history"]) <= 3 and page["pagination"]["limit"] == 3
        seen += [each["data"]["custom_fields"]["n"] for each in page["history"]]
        cursor = page["pagination"]["next_cursor"]
    assert seen == [6, 5, 4, 3, 2, 1, 0]
    links = client.get(f"{CONTACTS}/{PHONE}/history?limit=3").headers["Link"]
    assert links.endswith('rel="next"') and "cursor=" in links
    assert "Link" not in client.get(f"{CONTACTS}/{PHONE}/history").headers
    assert history(client)["pagination"] == {"limit": 20, "next_cursor": None}


def test_a_page_of_large_events_ends_early(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"n": number}})
    all_events = history(client)["history"]
    monkeypatch.setattr(journal, "LARGE_PAGE", len(json.dumps(all_events[0]["data"])))
    monkeypatch.setattr(journal, "PIECE", 3)
    first = history(client)
    second = history(client, cursor=first["pagination"]["next_cursor"])
    assert first["history"] + second["history"] == all_events and len(second["history"]) == 2
    assert second["pagination"]["next_cursor"] is None


def test_the_history_of_a_merged_number_is_that_of_the_survivor(client: FlaskClient) -> None:
    client.post(CONTACTS, json={"phone": PHONE})
    client.post(CONTACTS, json={"phone": OTHER, "email": "a@example.com"})
    client.post(f"{CONTACTS}/{PHONE}/merge", json={"from": OTHER})
    events = [each["event"] for each in history(client)["history"]]
    assert events == ["contact.merged", "contact.created", "contact.created"]
    assert history(client, f"cnt_{OTHER}") == history(client)
    assert data(client)[0]["previous"] == {"email": None}


@pytest.mark.parametrize("deleted", [PHONE, OTHER])
def test_erases_previous_values_too(client: FlaskClient, db: Database, deleted: str) -> None:
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Zaphod"})
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Ford"})
    client.post(CONTACTS, json={"phone": OTHER, "email": "zaphod@example.com"})
    client.patch(f"{CONTACTS}/{OTHER}", json={"email": "ford@example.com"})
    client.post(f"{CONTACTS}/{PHONE}/merge", json={"from": OTHER})
    client.delete(f"{CONTACTS}/{deleted}")
    stored = str(db.connection().execute("SELECT data FROM changes"))
    assert "Zaphod" not in stored and "Ford" not in stored and "example.com" not in stored
    client.post(CONTACTS, json={"phone": PHONE})
    newest, *older = data(client)
    assert newest["previous"] == {}
    assert older == [{"id": f"cnt_{PHONE}", "deleted": True}] * 6


@pytest.mark.parametrize(
    "cursor", ["", "x", "-1", "0", str(2**63), "0" * 19 + "1" + "9" * 20, "1.5"]
)
def test_rejects_strings_that_are_not_cursors(client: FlaskClient, cursor: str) -> None:
    client.post(CONTACTS, json={"phone": PHONE})
    answer = client.get(f"{CONTACTS}/{PHONE}/history", query_string={"cursor": cursor})
    assert answer.status_code == 422
    assert "cursor=start" in answer.get_json()["error"]["details"]["cursor"][0]


def test_an_unknown_contact_has_no_history(client: FlaskClient) -> None:
    assert client.get(f"{CONTACTS}/{PHONE}/history").status_code == 404
