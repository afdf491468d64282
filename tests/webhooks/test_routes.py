"""The API to manage webhooks."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from standardwebhooks import Webhook as Library

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.webhooks.delivery import Deliverer
from app.webhooks.model import MAX_WEBHOOKS
from tests.web.test_responses import assert_envelope
from tests.webhooks.conftest import Receiver, add_contact, answer, log, settle

PATH = "/v1/webhooks"
URL = "https://example.com/hook"


def create(client: FlaskClient, **values: Any) -> dict[str, Any]:
    response = client.post(PATH, json={"url": URL, **values})
    assert response.status_code == 201, response.text
    return response.get_json()["webhook"]  # type: ignore[no-any-return]


def test_creates_a_webhook_and_shows_its_secret_once(client: FlaskClient) -> None:
    created = create(client, label=" crm ", events=["contact.deleted", "contact.created"])
    secret = created.pop("secret")
    assert secret.startswith("whsec_") and created["id"].startswith("whk_")
    assert created == {
        "id": created["id"],
        "url": URL,
        "label": "crm",
        "events": ["contact.deleted", "contact.created"],
        "fields": None,
        "exclude_actor": None,
        "status": "active",
        "previous_secret_until": None,
        "created_at": created["created_at"],
        "updated_at": created["created_at"],
    }
    one = client.get(f"{PATH}/{created['id']}")
    assert one.get_json() == {"success": True, "webhook": created}
    everything = client.get(PATH)
    assert everything.get_json() == {"success": True, "webhooks": [created]}
    assert secret not in one.text + everything.text
    assert create(client)["events"] is None


@pytest.mark.parametrize("label", ["सी\u200dआरएम", "👩\u200d💻", "a\u00a0b", ""])
def test_takes_any_line_of_text_as_a_label(client: FlaskClient, label: str) -> None:
    assert create(client, label=label)["label"] == label


@pytest.mark.parametrize(
    ("body", "invalid_field"),
    [
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["contact.exploded"]}, "events"),
        ({"url": URL, "events": [{}]}, "events"),
        ({"url": URL, "events": "contact.created"}, "events"),
        ({"url": URL, "fields": []}, "fields"),
        ({"url": URL, "fields": ["phone"]}, "fields"),
        ({"url": URL, "fields": ["custom_fields"]}, "fields"),
        ({"url": URL, "fields": ["custom_fields.a[b]"]}, "fields"),
        ({"url": URL, "fields": [1]}, "fields"),
        ({"url": URL, "exclude_actor": ["crm"]}, "exclude_actor"),
        ({"url": URL, "exclude_actor": []}, "exclude_actor"),
        ({"url": URL, "label": "a\nb"}, "label"),
        ({"url": URL, "label": "a" * 101}, "label"),
        ({"url": URL, "label": None}, "label"),
        ({"url": URL, "status": "active"}, "status"),
        ({"url": URL, "secret": "whsec_"}, "secret"),
    ],
)
def test_rejects_invalid_webhooks(
    client: FlaskClient, body: dict[str, Any], invalid_field: str
) -> None:
    error = assert_envelope(client.post(PATH, json=body), 422, "validation_error")
    assert list(error["details"]) == [invalid_field]
    assert client.get(PATH).get_json()["webhooks"] == []


def test_limits_the_number_of_webhooks(client: FlaskClient) -> None:
    for _ in range(MAX_WEBHOOKS):
        create(client)
    assert_envelope(client.post(PATH, json={"url": URL}), 409, "conflict")


@pytest.mark.parametrize("scope", ["contacts:read", "contacts:write"])
def test_needs_the_scope_admin(
    anonymous: FlaskClient, client: FlaskClient, db: Database, scope: str
) -> None:
    id = create(client)["id"]
    headers = {"Authorization": f"Bearer {create_api_key(db, label='x', scopes=(scope,))}"}
    for method, path in (
        ("POST", ""),
        ("GET", ""),
        ("GET", f"/{id}"),
        ("PATCH", f"/{id}"),
        ("DELETE", f"/{id}"),
        ("POST", f"/{id}/test"),
        ("POST", f"/{id}/rotate-secret"),
        ("GET", f"/{id}/deliveries"),
        ("POST", f"/{id}/deliveries/dlv_1/redeliver"),
    ):
        response = anonymous.open(PATH + path, method=method, headers=headers)
        assert_envelope(response, 403, "forbidden")


def test_changes_a_webhook(client: FlaskClient) -> None:
    created = create(client)
    id = created["id"]
    values = {"url": URL + "2", "label": "b", "events": ["contact.merged"], "status": "disabled"}
    changed = client.patch(f"{PATH}/{id}", json=values).get_json()["webhook"]
    assert {name: changed[name] for name in values} == values
    assert client.get(f"{PATH}/{id}").get_json()["webhook"] == changed
    all_events = client.patch(f"{PATH}/{id}", json={"events": None}).get_json()["webhook"]
    assert all_events["events"] is None and all_events["label"] == "b"
    failing = client.patch(f"{PATH}/{id}", json={"status": "failing"})
    assert_envelope(failing, 422, "validation_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("GET", "/deliveries"),
        ("POST", "/deliveries/dlv_1/redeliver"),
    ],
)
def test_rejects_unknown_webhooks(client: FlaskClient, method: str, path: str) -> None:
    for id in ("whk_1", _deleted(client)):
        response = client.open(f"{PATH}/{id}{path}", method=method, json={})
        assert_envelope(response, 404, "not_found")


def _deleted(client: FlaskClient) -> str:
    id: str = create(client)["id"]
    response = client.delete(f"{PATH}/{id}")
    assert response.get_json() == {"success": True, "webhook": {"id": id, "deleted": True}}
    return id


def test_rotates_the_secret_with_both_valid_for_a_while(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    created = create(client, url=receiver.url)
    rotated = client.post(f"{PATH}/{created['id']}/rotate-secret").get_json()["webhook"]
    assert rotated["secret"] != created["secret"] and rotated["previous_secret_until"]
    add_contact(db)
    settle(deliverer, db)
    [received] = receiver.received
    for secret in (created["secret"], rotated["secret"]):
        assert Library(secret).verify(received.body, received.headers)


def test_tests_a_webhook_and_stores_its_response(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    receiver.behave = answer(200, "é".encode() * 2_000)
    id = create(client, url=receiver.url, events=["contact.merged"])["id"]
    response = client.post(f"{PATH}/{id}/test")
    assert response.status_code == 202
    queued = response.get_json()["delivery"]
    assert (queued["state"], queued["attempt"], queued["event"]) == ("pending", 0, "webhook.test")
    settle(deliverer, db)
    assert receiver.received[0].event["event"] == "webhook.test"
    data = receiver.received[0].event["data"]
    assert data.pop("webhook") == id
    add_contact(db)
    contact = client.get("/v1/changes").get_json()["changes"][0]["data"]
    assert list(data) == list(contact) and set(data["previous"]) == set(data["changed"])
    assert "X-Contacts-Seq" not in receiver.received[0].headers
    body = client.get(f"{PATH}/{id}/deliveries").get_json()
    [delivery] = body["deliveries"]
    assert body["pagination"] == {"total": 1, "limit": 20, "offset": 0}
    assert delivery | {"duration_ms": 0} == {
        "id": queued["id"],
        "event": "webhook.test",
        "seq": None,
        "state": "delivered",
        "attempt": 1,
        "attempted_at": delivery["finished_at"],
        "next_attempt_at": None,
        "status": 200,
        "error": None,
        "answer": "é" * 512,
        "duration_ms": 0,
        "created_at": queued["created_at"],
        "finished_at": delivery["finished_at"],
    }


def test_pages_through_deliveries_by_their_state(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    id = create(client, url=receiver.url)["id"]
    for number in range(3):
        add_contact(db, number)
    settle(deliverer, db)
    receiver.behave = answer(500)
    add_contact(db, 3)
    settle(deliverer, db)
    path = f"{PATH}/{id}/deliveries"
    page = client.get(path, query_string={"limit": 2, "offset": 1}).get_json()
    assert [each["seq"] for each in page["deliveries"]] == [3, 2]
    assert page["pagination"] == {"total": 4, "limit": 2, "offset": 1}
    [dead] = client.get(path, query_string={"state": "dead"}).get_json()["deliveries"]
    assert (dead["seq"], dead["status"], dead["attempt"]) == (4, 500, 4)
    for query in ({"state": "lost"}, {"limit": 101}, {"offset": -1}, {"page": 1}):
        assert_envelope(client.get(path, query_string=query), 422, "validation_error")


def test_delivers_a_dead_delivery_again(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    receiver.behave = answer(500)
    id = create(client, url=receiver.url)["id"]
    add_contact(db)
    settle(deliverer, db)
    [dead] = log(db, id)
    assert dead.state == "dead"
    receiver.behave = answer(200)
    path = f"{PATH}/{id}/deliveries/{dead.id}/redeliver"
    response = client.post(path)
    assert response.status_code == 202
    assert response.get_json()["delivery"]["state"] == "pending"
    assert_envelope(client.post(path), 409, "conflict")
    settle(deliverer, db)
    [delivered] = log(db, id)
    assert (delivered.state, delivered.attempt) == ("delivered", 1)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len(receiver.received) == 5


def test_rejects_a_test_of_a_disabled_webhook(client: FlaskClient) -> None:
    id = create(client)["id"]
    client.patch(f"{PATH}/{id}", json={"status": "disabled"})
    assert_envelope(client.post(f"{PATH}/{id}/test"), 409, "conflict")
