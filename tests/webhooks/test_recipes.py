"""The recipes of docs/changes-and-webhooks.md do what the page says, with a real receiver."""

import json
import re
from typing import Any

from flask.testing import FlaskClient

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.webhooks.delivery import Deliverer
from tests.docs.pages import blocks, page, sections
from tests.webhooks.conftest import Receiver, settle

CONTACTS = "/v1/contacts"
PHONE = "918856879188"
PAGE = sections(page("docs/changes-and-webhooks.md"), 3)


def add_webhook(client: FlaskClient, recipe: str, receiver: Receiver, **names: str) -> None:
    """Send the webhook of a recipe, with the receiver's URL."""
    [block] = [each for each in blocks(PAGE[recipe]) if each.language == "sh"]
    [body] = re.findall(r"-d '(.*)'\n", block.text)
    for name, value in names.items():
        body = body.replace(f"'${name}'", value)
    values = json.loads(body) | {"url": receiver.url}
    assert client.post("/v1/webhooks", json=values).status_code == 201


def write(client: FlaskClient, plan: str, **headers: Any) -> None:
    body = {"phone": PHONE, "custom_fields": {"plan": plan}}
    assert client.post(CONTACTS, json=body, headers=headers).status_code in (200, 201)


def test_the_recipe_for_a_field_sends_its_changes_only(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    write(client, "free")
    add_webhook(client, "Start a flow when a field changes", receiver)
    client.post(CONTACTS, json={"phone": PHONE, "first_name": "Priya"})
    write(client, "pro")
    write(client, "pro")
    settle(deliverer, db)
    [sent] = [each.event["data"] for each in receiver.received]
    assert sent["previous"]["custom_fields.plan"] == "free"
    assert sent["custom_fields"]["plan"] == "pro"


def test_the_recipe_against_loops_sends_no_change_of_the_flow(
    client: FlaskClient, db: Database, deliverer: Deliverer, receiver: Receiver
) -> None:
    secret = create_api_key(db, label="flow", scopes=("contacts:write",))
    [(id,)] = db.connection().execute("SELECT id FROM api_keys WHERE label = 'flow'")
    add_webhook(client, "Avoid loops", receiver, FLOW=id)
    write(client, "free")
    for turn in range(3):
        write(client, f"person {turn}")
        write(client, f"flow {turn}", Authorization=f"Bearer {secret}")
    settle(deliverer, db)
    plans = [each.event["data"]["custom_fields"]["plan"] for each in receiver.received]
    assert plans == ["person 0", "person 1", "person 2"]
    actors = [each["actor"] for each in client.get("/v1/changes").get_json()["changes"]]
    assert actors.count(id) == 3
