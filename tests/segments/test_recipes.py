"""The recipes of docs/segments.md do what the page says, with a real receiver."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient

from app import clock
from app.database import Database
from app.segments.passing_time import look_again
from app.webhooks.delivery import Deliverer
from tests.docs.pages import blocks, page, sections
from tests.webhooks.conftest import (
    Receiver,
    deliverer,
    receiver,
    settings,
    settle,
    start_receiver,
)

__all__ = ["deliverer", "receiver", "settings", "start_receiver"]

PAGE = sections(page("docs/segments.md"), 3)
PHONE = "918856879188"
CALL = re.compile(
    r"curl -X (?P<method>\w+) \"?http://127.0.0.1:8000(?P<path>[^\s\"]+).*?-d '(?P<body>.*?)'\n",
    re.DOTALL,
)


def follow(recipe: str, client: FlaskClient, receiver: Receiver) -> None:
    """Send the calls of a recipe, with the receiver's URL."""
    [block] = [each for each in blocks(PAGE[recipe]) if each.language == "sh"]
    for call in CALL.finditer(block.text):
        body = json.loads(call["body"])
        if "url" in body:
            body["url"] = receiver.url
        answer = client.open(unquote(call["path"]), method=call["method"], json=body)
        assert answer.status_code in (200, 201), answer.text


def write(client: FlaskClient, **values: Any) -> None:
    answer = client.post("/v1/contacts", json={"phone": PHONE, **values})
    assert answer.status_code in (200, 201), answer.text


def received(db: Database, deliverer: Deliverer, receiver: Receiver) -> list[tuple[str, str, str]]:
    """Return (event, segment, phone) of the deliveries since the last call."""
    settle(deliverer, db)
    found = [each.event for each in receiver.received]
    receiver.received.clear()
    return [(e["event"], e["data"]["segment"], e["data"]["contact"]["phone"]) for e in found]


def test_welcome_sends_one_event(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    follow("Welcome", client, receiver)
    write(client, first_name="Priya")
    write(client, add_tags=["Newsletter"])
    write(client, add_tags=["Newsletter", "Lead"])
    found = received(db, deliverer, receiver)
    assert found == [("segment.entered", "Newsletter", PHONE)]


def test_win_back_sends_an_event_when_time_passes(
    client: FlaskClient,
    db: Database,
    deliverer: Deliverer,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime(2026, 6, 2, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)
    follow("Win back", client, receiver)
    write(client, custom_fields={"last_order": "2026-06-01"})
    now += timedelta(days=28)
    look_again(db)
    assert received(db, deliverer, receiver) == []
    now += timedelta(days=2)
    look_again(db)
    assert received(db, deliverer, receiver) == [("segment.entered", "Lost", PHONE)]
    write(client, custom_fields={"last_order": "2026-07-02"})
    assert received(db, deliverer, receiver) == [("segment.left", "Lost", PHONE)]


def test_vip_sends_an_event_when_a_contact_enters_or_leaves(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    follow("VIP", client, receiver)
    for orders in (9, 10, 11):
        write(client, custom_fields={"orders": orders})
    assert received(db, deliverer, receiver) == [("segment.entered", "Best customers", PHONE)]
    write(client, custom_fields={"orders": 0})
    write(client, add_tags=["VIP"])
    found = [event for event, *_ in received(db, deliverer, receiver)]
    assert found == ["segment.left", "segment.entered"]
