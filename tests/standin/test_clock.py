"""The clock moves limits, timestamps, expiry and retries, but no time-outs."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contacts_standin import StandIn, running
from tests.conftest import run_contacts_process, wait_until
from tests.standin.conftest import Client

DAY = 86_400


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_moves_the_windows_of_the_limit(client: Client, contacts_standin: StandIn) -> None:
    first = client.call("GET", "/v1/contacts")
    assert first.headers["X-RateLimit-Limit"] == "120"
    assert first.headers["X-RateLimit-Remaining"] == "119"
    statuses = [client.call("GET", "/v1/contacts").status_code for _ in range(121)]
    assert statuses == [200] * 119 + [429] * 2
    contacts_standin.advance(61)
    answers = [client.call("GET", "/v1/contacts") for _ in range(12)]
    assert [each.status_code for each in answers] == [200] * 12
    assert answers[-1].headers["X-RateLimit-Remaining"] == "108"
    ahead = int(answers[-1].headers["X-RateLimit-Reset"]) - time.time()
    assert 60 < ahead < 61 + 61


def test_moves_timestamps(client: Client, contacts_standin: StandIn) -> None:
    before = datetime.now(UTC)
    contacts_standin.advance(40 * DAY)
    for number in range(12):
        made = client.upsert(f"9188568791{number:02}").json()["contact"]
        ahead = instant(made["created_at"]) - before
        assert timedelta(days=40, seconds=-2) < ahead < timedelta(days=40, minutes=5)


def test_a_reset_returns_to_the_real_time_and_clears_the_limits(
    client: Client, contacts_standin: StandIn
) -> None:
    contacts_standin.advance(DAY)
    for _ in range(30):
        client.call("GET", "/v1/contacts")
    contacts_standin.reset()
    answer = client.upsert()
    assert answer.headers["X-RateLimit-Remaining"] == "119"
    made = instant(answer.json()["contact"]["created_at"])
    assert abs(made - datetime.now(UTC)) < timedelta(minutes=5)
    assert int(answer.headers["X-RateLimit-Reset"]) <= time.time() + 61


@pytest.mark.parametrize("seconds", [-1, "300", None, True, 10**12])
def test_rejects_an_invalid_step(client: Client, seconds: Any) -> None:
    before = client.call("GET", "/stand-in/clock").json()["clock"]["advanced_seconds"]
    answer = client.call("POST", "/stand-in/clock", json={"advance_seconds": seconds})
    assert answer.status_code == 422
    after = client.call("GET", "/stand-in/clock").json()["clock"]["advanced_seconds"]
    assert after == before == 0


def test_rejects_a_step_past_the_calendar(client: Client, contacts_standin: StandIn) -> None:
    body = {"advance_seconds": 30 * 366 * DAY}
    assert client.call("POST", "/stand-in/clock", json=body).status_code == 200
    assert client.call("POST", "/stand-in/clock", json=body).status_code == 422
    assert client.upsert().status_code == 201


def test_expires_keys_and_survives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running("--data", str(data)) as standin:
        standin.advance(DAY)
        # The command reads the moved clock.
        made = run_contacts_process(
            "keys", "create", "--label", "x", "--expires-in", "1h", "--data", data
        )
        key = made.stdout.strip()
        assert key.startswith("ak_test_")
        with Client(standin, key) as client:
            assert client.call("GET", "/v1/profile").status_code == 200
            standin.advance(3_500)
            assert client.call("GET", "/v1/profile").status_code == 200
            standin.advance(200)
            assert {client.call("GET", "/v1/profile").status_code for _ in range(8)} == {401}
    with running("--data", str(data)) as standin:
        with Client(standin, key) as client:
            assert client.call("GET", "/v1/profile").status_code == 401
        with Client(standin) as client:
            moved = client.call("GET", "/stand-in/clock").json()["clock"]["advanced_seconds"]
        assert moved == DAY + 3_700


def test_moves_the_retries_of_webhooks(client: Client, contacts_standin: StandIn) -> None:
    made = client.call(
        "POST", "/v1/webhooks", json={"url": contacts_standin.inbox_url, "label": "x"}
    )
    assert made.status_code == 201, made.text
    webhook = made.json()["webhook"]["id"]
    contacts_standin.fail_next(4, code=500, path="/stand-in/inbox")
    client.upsert()

    def deliveries() -> list[dict[str, Any]]:
        answer = client.call("GET", f"/v1/webhooks/{webhook}/deliveries")
        return answer.json()["deliveries"]

    started = time.monotonic()
    for attempt, pause in enumerate((10, 60, 300), 1):
        wait_until(lambda attempt=attempt: [d["attempt"] for d in deliveries()] == [attempt])
        [delivery] = deliveries()
        assert delivery["state"] == "pending"
        contacts_standin.advance(pause)
    wait_until(lambda: [d["state"] for d in deliveries()] == ["dead"])
    assert time.monotonic() - started < 60  # Less than the six minutes of the clock.
    assert contacts_standin.inbox == []
    [delivery] = deliveries()
    assert delivery["attempt"] == 4


def test_does_not_move_the_timeouts(client: Client, contacts_standin: StandIn) -> None:
    """A slow request is not cut short when the clock moves while it runs."""
    contacts_standin.advance(DAY)
    answer = client.call("GET", "/v1/changes?wait=1&after=0")
    assert answer.status_code == 200
    contacts_standin.advance(DAY)
    assert client.upsert(prefer="delay=0.5").status_code == 201
