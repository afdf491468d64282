"""The requests that webhooks receive match their description."""

import json
from collections.abc import Mapping

from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from app.api_docs.document import build
from app.database import Database
from app.webhooks.delivery import Deliverer
from app.webhooks.model import Outcome
from tests.webhooks.conftest import settle

CALLS = (
    ("PUT", "/v1/segments/Leads", {"filter": {"field": "tag", "op": "eq", "value": "Lead"}}),
    ("POST", "/v1/contacts", {"phone": "918856879188", "tags": ["Lead"]}),
    ("POST", "/v1/contacts", {"phone": "918856879188", "custom_fields": {"plan": "pro"}}),
    ("POST", "/v1/contacts", {"phone": "918856879199", "tags": ["Lead"]}),
    ("POST", "/v1/contacts/918856879188/merge", {"from": "918856879199"}),
    ("PATCH", "/v1/tags/Lead", {"name": "Customer"}),
    ("DELETE", "/v1/tags/Customer", None),
    ("DELETE", "/v1/custom-fields/plan", None),
    ("POST", "/v1/contacts", {"phone": "918856879177"}),
    ("DELETE", "/v1/contacts/918856879177", None),
    ("DELETE", "/v1/segments/Leads", None),
)


def test_real_requests_match_their_schemas(app: Flask, client: FlaskClient, db: Database) -> None:
    sent: list[tuple[Mapping[str, str], bytes]] = []

    def send(_: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        sent.append((headers, body))
        return Outcome(200)

    answer = client.post("/v1/webhooks", json={"url": "https://example.com/hook"}).get_json()
    for method, path, body in CALLS:
        assert client.open(path, method=method, json=body).status_code in (200, 201), path
    assert client.post(f"/v1/webhooks/{answer['webhook']['id']}/test").status_code == 202
    settle(Deliverer(db, send), db)

    document = build(app)
    described = document["webhooks"]
    for headers, raw in sent:
        event = json.loads(raw)
        operation = described[event["event"]]["post"]
        names = {each["name"]: each["required"] for each in operation["parameters"]}
        assert {name for name, required in names.items() if required} <= set(headers)
        assert [name for name in names if name in headers] == list(headers)
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        validator.validate(event)
    assert {json.loads(raw)["event"] for _, raw in sent} == described.keys()
