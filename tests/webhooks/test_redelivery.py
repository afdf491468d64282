"""Redelivery of all dead deliveries of a webhook."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import clock
from app.database import Database
from app.settings import Settings
from app.webhooks import delivery_store, handlers
from app.webhooks.delivery import Deliverer
from app.webhooks.model import Webhook
from tests.conftest import run_contacts
from tests.contacts.test_store import Recorder, assert_indexed
from tests.webhooks.conftest import Receiver, accept, add_contact, answer, log, settle

PATH = "/v1/webhooks"


@pytest.fixture
def outage(db: Database, receiver: Receiver, webhook: Webhook, deliverer: Deliverer) -> None:
    """Five deliveries of two contacts, all dead; the receiver accepts again."""
    receiver.behave = answer(503)
    for turn in range(3):
        add_contact(db, 0, first_name=str(turn))
    for turn in range(2):
        add_contact(db, 1, first_name=str(turn))
    settle(deliverer, db)
    assert [each.state for each in log(db, webhook.id)] == ["dead"] * 5
    receiver.received.clear()
    receiver.behave = accept


@pytest.mark.usefixtures("outage")
def test_sends_all_again_in_order(
    client: FlaskClient, db: Database, receiver: Receiver, webhook: Webhook, deliverer: Deliverer
) -> None:
    before = log(db, webhook.id)
    response = client.post(f"{PATH}/{webhook.id}/redeliver", json={"state": "dead"})
    assert response.status_code == 202
    assert response.get_json() == {"success": True, "queued": 5, "left": 0}
    settle(deliverer, db)
    for number in range(2):
        phone = f"91885687{number:04d}"
        sent = [each.event["data"] for each in receiver.received]
        names = [each["first_name"] for each in sent if each["phone"] == phone]
        assert names == sorted(names) and len(names) == 3 - number
    assert [each.id for each in log(db, webhook.id)] == [each.id for each in before]
    assert client.get(f"{PATH}/{webhook.id}").get_json()["webhook"]["status"] == "active"
    again = client.post(f"{PATH}/{webhook.id}/redeliver", json={"state": "dead"}).get_json()
    assert again == {"success": True, "queued": 0, "left": 0}


@pytest.mark.usefixtures("outage")
def test_redelivers_only_deliveries_that_died_since_a_time(
    client: FlaskClient, db: Database, webhook: Webhook
) -> None:
    long_ago = clock.timestamp(clock.now() - timedelta(hours=3))
    first, *_ = log(db, webhook.id)
    db.write(
        lambda tx: tx.change(
            "UPDATE deliveries SET finished_at = :at WHERE number = :number",
            {"at": long_ago, "number": first.number},
        )
    )
    since = (clock.now() - timedelta(hours=2)).isoformat()  # +00:00, with microseconds
    body = {"state": "dead", "since": since}
    answer = client.post(f"{PATH}/{webhook.id}/redeliver", json=body).get_json()
    assert (answer["queued"], answer["left"]) == (4, 0)
    assert log(db, webhook.id)[0].state == "dead"


@pytest.mark.usefixtures("outage")
def test_one_request_redelivers_a_limited_number(
    client: FlaskClient, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MAX_REDELIVERED", 4)
    monkeypatch.setattr(handlers, "REDELIVERED_AT_ONCE", 2)
    found = [
        client.post(f"{PATH}/{webhook.id}/redeliver", json={"state": "dead"}).get_json()
        for _ in range(3)
    ]
    assert [(each["queued"], each["left"]) for each in found] == [(4, 1), (1, 0), (0, 0)]


@pytest.mark.sqlite
@pytest.mark.usefixtures("outage")
def test_the_command_sends_all_again(
    db: Database,
    settings: Settings,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handlers, "MAX_REDELIVERED", 2)
    monkeypatch.setattr(handlers, "REDELIVERED_AT_ONCE", 2)
    data = ("--data", str(settings.data))
    listed = run_contacts("webhooks", "list", *data)
    assert listed.stdout == f"{webhook.id}  failing  {webhook.url}\n"
    future = run_contacts(
        "webhooks", "redeliver", webhook.id, "--since", "2099-01-01T00:00:00Z", *data
    )
    assert future.stdout == f"Queued 0 deliveries of {webhook.id}\n"
    done = run_contacts("webhooks", "redeliver", webhook.id, "--since", "2h", *data)
    assert (done.returncode, done.stdout) == (0, f"Queued 5 deliveries of {webhook.id}\n")
    assert [each.state for each in log(db, webhook.id)] == ["pending"] * 5


@pytest.mark.sqlite
@pytest.mark.parametrize("since", ["yesterday", "2026-06-02", "2026-06-02T08:00:00", "-1h"])
def test_the_command_rejects_invalid_times(settings: Settings, db: Database, since: str) -> None:
    option = f"--since={since}"
    done = run_contacts("webhooks", "redeliver", "whk_1", option, "--data", str(settings.data))
    assert done.returncode == 2 and "such as 2h" in done.stderr


@pytest.mark.sqlite
def test_the_command_names_an_unknown_webhook(settings: Settings, db: Database) -> None:
    done = run_contacts("webhooks", "redeliver", "whk_1", "--data", str(settings.data))
    assert done.returncode == 2 and "There is no such webhook" in done.stderr


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "body",
    [{}, {"state": "delivered"}, {"state": "dead", "since": "2026-06-02"}, {"state": None}],
)
def test_rejects_invalid_bodies(
    client: FlaskClient, webhook: Webhook, body: dict[str, str]
) -> None:
    assert client.post(f"{PATH}/{webhook.id}/redeliver", json=body).status_code == 422


def test_rejects_a_disabled_and_an_unknown_webhook(client: FlaskClient, webhook: Webhook) -> None:
    client.patch(f"{PATH}/{webhook.id}", json={"status": "disabled"})
    body = {"state": "dead"}
    assert client.post(f"{PATH}/{webhook.id}/redeliver", json=body).status_code == 409
    assert client.post(f"{PATH}/whk_1/redeliver", json=body).status_code == 404


@pytest.mark.sqlite
def test_statements_use_an_index(db: Database) -> None:
    with closing(Recorder(db.path)) as recorder:
        died = {"since": "", "until": "2027"}
        delivery_store.requeue_dead(recorder, "whk_1", **died, most=5)
        delivery_store.count_dead(recorder, "whk_1", **died)
        assert_indexed(recorder.plans)


def test_the_command_reports_a_missing_store(tmp_path: Path) -> None:
    done = run_contacts("webhooks", "list", "--data", str(tmp_path))
    assert done.returncode == 2 and "there is no store" in done.stderr
