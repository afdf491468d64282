"""Webhooks with filters by field and by key, and the headers of their deliveries."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.journal import handlers as journal
from app.webhooks import outbox
from app.webhooks.delivery import Deliverer
from tests.webhooks.conftest import Receiver, settle

CONTACTS = "/v1/contacts"
PHONE = "918856879188"


def create(client: FlaskClient, receiver: Receiver, **values: Any) -> dict[str, Any]:
    response = client.post("/v1/webhooks", json={"url": receiver.url, **values})
    assert response.status_code == 201, response.text
    return response.get_json()["webhook"]  # type: ignore[no-any-return]


def received(receiver: Receiver) -> list[tuple[str, Any]]:
    return [(each.event["event"], each.event["data"].get("changed")) for each in receiver.received]


def test_sends_only_changes_of_its_fields(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    created = create(client, receiver, fields=["custom_fields.plan", "email"])
    assert created["fields"] == ["custom_fields.plan", "email"]
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya"})
    client.post(CONTACTS, json={"phone": "14155552671", "email": "a@example.com"})
    for plan in ("free", "free", "pro"):
        client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"plan": plan, "n": plan}})
    client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"n": "2"}})
    settle(deliverer, db)
    plan = ("contact.updated", ["custom_fields.n", "custom_fields.plan"])
    assert sorted(received(receiver)) == [("contact.created", ["email"]), plan, plan]
    receiver.received.clear()
    client.post(f"{CONTACTS}/{PHONE}/merge", json={"from": "14155552671"})
    settle(deliverer, db)
    client.delete(f"{CONTACTS}/{PHONE}")
    settle(deliverer, db)
    assert received(receiver) == [("contact.merged", ["email"]), ("contact.deleted", None)]


def test_filters_by_changed_fields_before_they_are_erased(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    create(client, receiver, fields=["custom_fields.plan"], events=["contact.updated"])
    client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"plan": "free"}})
    client.post(CONTACTS, json={"phone": PHONE, "custom_fields": {"plan": "pro"}})
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya"})
    settle(deliverer, db)
    [sent] = receiver.received
    assert sent.event["data"]["changed"] == ["custom_fields.plan"]
    assert sent.event["data"]["previous"] == {"custom_fields.plan": "free"}
    assert list(sent.event) == ["event", "timestamp", "data"]


def test_null_sends_all_again(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    id = create(client, receiver, fields=["email"], exclude_actor=["key_0123456789abcdef"])["id"]
    values = {"fields": None, "exclude_actor": None}
    changed = client.patch(f"/v1/webhooks/{id}", json=values).get_json()["webhook"]
    assert (changed["fields"], changed["exclude_actor"]) == (None, None)
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya"})
    settle(deliverer, db)
    assert received(receiver) == [("contact.created", ["first_name"])]


def test_leaves_out_changes_by_excluded_keys(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    secret = create_api_key(db, label="flow", scopes=("contacts:write",))
    flow = {"Authorization": f"Bearer {secret}"}
    ids = dict(db.connection().execute("SELECT label, id FROM api_keys"))
    create(client, receiver, exclude_actor=[ids["flow"]])
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya"})
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Asha"}, headers=flow)
    with db.transaction() as tx:
        journal.append(tx, "tag.deleted", "2026-06-02T08:00:00Z", {"name": "x"}, actor=None)
    settle(deliverer, db)
    by_key, by_command = sorted(receiver.received, key=lambda each: str(each.event["event"]))
    assert (by_key.event["event"], by_command.event["event"]) == ("contact.created", "tag.deleted")
    assert by_key.headers["X-Contacts-Actor"] == ids["tests"]
    assert "X-Contacts-Actor" not in by_command.headers
    assert (by_key.headers["X-Contacts-Seq"], by_command.headers["X-Contacts-Seq"]) == ("1", "3")


@pytest.mark.parametrize("changed", [["email"], ["tags"], None])
def test_an_event_without_fields_is_not_narrowed(
    client: FlaskClient, db: Database, receiver: Receiver, changed: list[str] | None
) -> None:
    """A deletion is sent; an update whose fields were erased with its contact is not."""
    id = create(client, receiver, fields=["email"])["id"]
    data = {"id": f"cnt_{PHONE}"} | ({"changed": changed} if changed else {"deleted": True})
    with db.transaction() as tx:
        for event in ("contact.updated", "contact.deleted"):
            journal.append(tx, event, "2026-06-02T08:00:00Z", data, phone=PHONE, actor=None)
    outbox.queue_changes(db)
    found = client.get(f"/v1/webhooks/{id}/deliveries").get_json()["deliveries"]
    expected = ["contact.deleted", "contact.updated"][: 1 + (changed == ["email"])]
    assert [each["event"] for each in found] == expected
