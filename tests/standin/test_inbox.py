"""The inbox: webhooks of the same server, and the reasons for an invalid signature."""

import hmac
import json
import time
from base64 import b64decode
from typing import Any

import pytest

from app.webhooks.signing import signed_headers
from contacts_standin import StandIn
from tests.conftest import wait_until
from tests.standin.conftest import Client

VENDOR, STANDARD = "X-AISoule-Signature", "webhook-signature"
BODY = b'{"event": "contact.created", "timestamp": 1780387200, "data": {}}'


@pytest.fixture
def webhook(client: Client, contacts_standin: StandIn) -> dict[str, Any]:
    """A webhook that points to the inbox, over http to this machine."""
    body = {"url": contacts_standin.inbox_url, "label": "inbox"}
    made = client.call("POST", "/v1/webhooks", json=body)
    assert made.status_code == 201, made.text
    return made.json()["webhook"]


def test_accepts_the_deliveries_of_the_server(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    client.upsert(first_name="Zoë")
    wait_until(lambda: len(contacts_standin.inbox) == 1)
    [delivery] = contacts_standin.inbox
    body = json.loads(delivery["body"])
    assert (body["event"], body["data"]["first_name"]) == ("contact.created", "Zoë")
    assert delivery["body_bytes"] == len(delivery["body"].encode())
    assert delivery["signatures"] == {
        name: {"holds": True, "webhook": webhook["id"], "reason": None}
        for name in (VENDOR, STANDARD)
    }
    assert "Webhook-Id" in delivery["headers"]


def test_accepts_both_signatures_while_a_secret_is_rotated(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    client.call("POST", f"/v1/webhooks/{webhook['id']}/rotate-secret")
    client.upsert()
    wait_until(lambda: len(contacts_standin.inbox) == 1)
    assert [each["holds"] for each in contacts_standin.inbox[0]["signatures"].values()] == [1, 1]


def test_signatures_are_valid_while_the_clock_is_moved(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    contacts_standin.advance(86_400)
    client.upsert()
    wait_until(lambda: len(contacts_standin.inbox) == 1)
    assert [each["holds"] for each in contacts_standin.inbox[0]["signatures"].values()] == [1, 1]


def reasons_for(
    client: Client, standin: StandIn, headers: dict[str, str], body: bytes = BODY
) -> tuple[str | None, str | None]:
    """Send a delivery; return why the vendor's and the standard signature are invalid."""
    answer = client.post(standin.inbox_url, data=body, headers=headers, timeout=30)
    assert answer.status_code == 200
    found = standin.inbox[0]["signatures"]
    assert all(each["holds"] == (each["reason"] is None) for each in found.values())
    return found[VENDOR]["reason"], found[STANDARD]["reason"]


def vendor(key: bytes, body: bytes) -> dict[str, str]:
    return {VENDOR: "sha256=" + hmac.digest(key, body, "sha256").hex()}


def test_explains_an_invalid_vendor_signature(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    secret = webhook["secret"]
    right = vendor(secret.encode(), BODY)
    compact = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    cases: list[tuple[dict[str, str], str]] = [
        ({}, "missing"),
        ({VENDOR: right[VENDOR].removeprefix("sha256=")}, "sha256="),
        ({VENDOR: "sha256=" + right[VENDOR].removeprefix("sha256=").upper()}, "upper case"),
        (vendor(secret.removeprefix("whsec_").encode(), BODY), "without whsec_"),
        (vendor(b64decode(secret.removeprefix("whsec_")), BODY), "decoded secret"),
        (vendor(secret.encode(), compact), "re-encoded"),
        (vendor(secret.encode(), BODY + b"\n"), "newline"),
        (vendor(b"another", BODY), right[VENDOR]),
    ]
    assert reasons_for(client, contacts_standin, right)[0] is None
    for headers, reason in cases:
        found, _ = reasons_for(client, contacts_standin, headers)
        assert found and reason in found, (headers, found)
    found, _ = reasons_for(client, contacts_standin, right, BODY.replace(b"created", b"deleted"))
    assert found and webhook["id"] in found


def test_explains_an_invalid_standard_signature(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    now, secret = int(time.time()), webhook["secret"]
    right = signed_headers([secret], "dlv_1", now, BODY)
    old = signed_headers([secret], "dlv_1", now - 3_600, BODY)
    stamp = "webhook-timestamp"
    cases: list[tuple[dict[str, str], str]] = [
        ({name: text for name, text in right.items() if name != stamp}, f"Missing: {stamp}"),
        (old, "off the real time"),
        (right | {"webhook-id": "dlv_2"}, "No signature matches"),
        (right | {stamp: "now"}, "Unix seconds"),
        (right | {STANDARD: "v2,abc"}, "v1,"),
        (right | {STANDARD: "v1,%%%"}, "base64"),
    ]
    assert reasons_for(client, contacts_standin, right) == (None, None)
    for headers, reason in cases:
        _, found = reasons_for(client, contacts_standin, headers)
        assert found and reason in found, (headers, found)


def test_cannot_verify_without_a_webhook(client: Client, contacts_standin: StandIn) -> None:
    found = reasons_for(client, contacts_standin, vendor(b"x", BODY))
    assert found[0] and "no webhook" in found[0]


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[" * 5_000, b"x" * 1_000_000])
def test_accepts_any_body(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any], body: bytes
) -> None:
    reasons = reasons_for(client, contacts_standin, vendor(webhook["secret"].encode(), body), body)
    assert reasons[0] is None
    assert contacts_standin.inbox[0]["body_bytes"] == len(body)
    wrong = reasons_for(client, contacts_standin, {VENDOR: "sha256=ü", STANDARD: "v1,ü"}, body)
    assert all(wrong)


def test_delete_empties_the_inbox(client: Client, contacts_standin: StandIn) -> None:
    reasons_for(client, contacts_standin, {})
    assert client.call("DELETE", "/stand-in/inbox").json()["deliveries"] == []
    assert contacts_standin.inbox == []


def test_accepts_any_bytes(
    client: Client, contacts_standin: StandIn, webhook: dict[str, Any]
) -> None:
    headers = {f"x-{number}": b"\xff" * 1_000 for number in range(35)}
    headers |= {"webhook-id": b"\xff", "webhook-timestamp": b"1", STANDARD: b"v1,\xff"}
    for body in (b"\xff" * 30_000, b"\0" * 30_000):
        sent = client.post(contacts_standin.inbox_url, data=body, headers=headers, timeout=30)
        assert sent.status_code == 200, sent.text
    reason = contacts_standin.inbox[0]["signatures"][STANDARD]["reason"]
    assert reason == "A signature is not base64."
    path = "/v1/contacts/" + "%F0%9F%98%80" * 300
    client.call(
        "POST", path, json={"\ud800": "\ud800" * 200, **{"é" * 99 + str(n): 1 for n in range(50)}}
    )
    client.call("POST", "/v1/contacts", json={"\ud800": "\ud800"})
    assert [each["status"] for each in contacts_standin.requests[:2]] == [422, 405]
