"""Aliases: shown on request, exported, and restored by an import."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.database import Database
from tests.conftest import store_faults

ANN, OLD, OLDER, BEN = "918856879188", "14155552671", "442079460958", "4930123456"


@pytest.fixture
def merged(client: FlaskClient) -> FlaskClient:
    for phone in (ANN, OLD, OLDER, BEN):
        client.post("/v1/contacts", json={"phone": phone, "tags": ["x"], "custom_fields": {"a": 1}})
    client.post(f"/v1/contacts/{OLD}/merge", json={"from": OLDER})
    client.post(f"/v1/contacts/{ANN}/merge", json={"from": OLD})
    return client


def send(client: FlaskClient, rows: list[dict[str, Any]], query: str = "") -> Any:
    body = "".join(json.dumps(row) + "\n" for row in rows)
    answer = client.post(
        f"/v1/contacts/import{query}", data=body, content_type="application/x-ndjson"
    )
    return answer.json["report"]


def aliases(client: FlaskClient, phone: str) -> Any:
    return client.get(f"/v1/contacts/{phone}?include=aliases").json["contact"]["aliases"]


def test_shows_aliases_on_request(merged: FlaskClient) -> None:
    plain = merged.get(f"/v1/contacts/{ANN}")
    shown = merged.get(f"/v1/contacts/{OLD}?include=aliases,custom_fields")
    assert shown.json["contact"] == {**plain.json["contact"], "aliases": [OLD, OLDER]}
    assert shown.headers["ETag"] == plain.headers["ETag"]
    headers = {"If-None-Match": plain.headers["ETag"]}
    again = merged.get(f"/v1/contacts/{ANN}?include=aliases", headers=headers)
    assert again.status_code == 200
    assert aliases(merged, BEN) == []
    assert merged.get(f"/v1/contacts/{ANN}?include=phones").status_code == 422


@pytest.mark.parametrize("query", ["", "&tag=x", "&q=91", "&sort=-phone", "&cursor=start"])
def test_lists_with_aliases(merged: FlaskClient, query: str) -> None:
    listed = merged.get(f"/v1/contacts?include=aliases,updated_at{query}").json["contacts"]
    found = {each["phone"]: each["aliases"] for each in listed}
    assert found[ANN] == [OLD, OLDER] and found.get(BEN, []) == []
    assert list(listed[0])[-3:] == ["created_at", "updated_at", "aliases"]
    body = {"include": ["aliases"], "filter": {"field": "phone", "op": "eq", "value": OLD}}
    [searched] = merged.post("/v1/contacts/search", json=body).json["contacts"]
    assert searched["aliases"] == [OLD, OLDER]


@pytest.mark.parametrize("format", ["jsonl", "csv", "xlsx", "vcf"])
def test_an_import_of_an_export_restores_aliases(
    merged: FlaskClient, db: Database, format: str
) -> None:
    types = {
        "jsonl": "application/x-ndjson",
        "csv": "text/csv",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "vcf": "text/vcard",
    }
    exported = merged.get(f"/v1/contacts/export?format={format}").data
    for phone in (ANN, BEN):
        merged.delete(f"/v1/contacts/{phone}")
    assert merged.get(f"/v1/contacts/{OLD}").status_code == 404
    last = merged.get("/v1/changes?after=0&limit=100").json["next_after"]
    url = "/v1/contacts/import"
    report = merged.post(url, data=exported, content_type=types[format]).json["report"]
    assert (report["created"], report["rejected"]) == (2, 0), report
    assert aliases(merged, ANN) == [OLD, OLDER]
    assert merged.get(f"/v1/contacts/{OLDER}").json["contact"]["phone"] == ANN
    changes = merged.get(f"/v1/changes?after={last}").json["changes"]
    events = [(each["event"], each["data"].get("merged")) for each in changes]
    assert sorted(events, key=str) == [
        ("contact.created", None),
        ("contact.created", None),
        ("contact.merged", f"cnt_{OLD}"),
        ("contact.merged", f"cnt_{OLDER}"),
    ]
    again = merged.post(url, data=exported, content_type=types[format]).json["report"]
    assert again["unchanged"] == 2
    assert store_faults(db) == []


def test_adds_aliases_to_a_known_contact(client: FlaskClient) -> None:
    client.post("/v1/contacts", json={"phone": ANN})
    row = {"phone": ANN, "aliases": ["+1 415 555 2671", ANN, OLD]}
    assert send(client, [row], "?dry_run=true")["updated"] == 1
    assert aliases(client, ANN) == []
    assert send(client, [row])["updated"] == 1
    assert send(client, [row])["unchanged"] == 1
    assert aliases(client, ANN) == [OLD]
    assert send(client, [{"phone": OLD, "first_name": "Ann"}])["updated"] == 1


def test_rejects_a_number_of_another_contact(client: FlaskClient, db: Database) -> None:
    client.post("/v1/contacts", json={"phone": BEN})
    rows = [
        {"phone": ANN, "aliases": [BEN]},
        {"phone": ANN, "aliases": [OLD]},
        {"phone": BEN, "aliases": [OLD]},
        {"phone": BEN, "aliases": [ANN]},
        {"phone": OLD, "first_name": "Ann"},
        {"phone": OLDER},
        {"phone": ANN, "aliases": [OLDER]},
        {"phone": ANN, "aliases": ["12"]},
        {"phone": ANN, "aliases": 12},
    ]
    report = send(client, rows)
    assert [each["line"] for each in report["errors"]] == [1, 3, 4, 7, 8, 9]
    assert {each["column"] for each in report["errors"]} == {"aliases"}
    assert "belongs to cnt_4930123456: merge" in report["errors"][0]["reason"]
    assert client.get(f"/v1/contacts/{OLD}").json["contact"]["first_name"] == "Ann"
    assert aliases(client, ANN) == [OLD]
    assert store_faults(db) == []


@pytest.mark.one_engine
def test_single_upserts_reject_aliases(client: FlaskClient) -> None:
    assert client.post("/v1/contacts", json={"phone": ANN, "aliases": [OLD]}).status_code == 422
