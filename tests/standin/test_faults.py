"""Simulated errors: each happens as requested, and stores or rejects the write as documented."""

import time
from typing import Any

import pytest
import requests

from app.web.responses import STATUSES
from contacts_standin import StandIn
from tests.conftest import wait_until
from tests.standin.conftest import Client

ENVELOPED = sorted(set(STATUSES.values()))


@pytest.mark.parametrize("status", ENVELOPED)
def test_responds_with_a_status_and_stores_nothing(client: Client, status: int) -> None:
    answer = client.upsert(prefer=f"code={status}")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert STATUSES[error["code"]] == status
    assert answer.headers["Preference-Applied"] == f"code={status}"
    assert ("X-RateLimit-Limit" in answer.headers) == (status != 401)
    assert client.total() == 0


def test_a_429_is_as_the_vendor_documents_it(client: Client) -> None:
    answer = client.upsert(prefer="code=429")
    error = answer.json()["error"]
    assert error["message"] == "Too many requests. Please wait before retrying."
    assert error["retry_after_seconds"] == int(answer.headers["Retry-After"]) == 1
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert int(answer.headers["X-RateLimit-Reset"]) == pytest.approx(time.time() + 1, abs=5)


def test_a_422_names_a_field(client: Client) -> None:
    assert client.upsert(prefer="code=422").json()["error"]["details"]["phone"]


@pytest.mark.parametrize("status", [502, 504])
def test_a_502_and_a_504_are_html_as_from_a_proxy(client: Client, status: int) -> None:
    answer = client.upsert(prefer=f"code={status}")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (status, "text/html")


def test_a_real_rejection_takes_precedence_over_a_simulated_error(
    client: Client, contacts_standin: StandIn
) -> None:
    with Client(contacts_standin, "ak_test_unknown") as stranger:
        assert stranger.upsert(prefer="code=503").status_code == 401
    assert client.call("GET", "/v1/nothing", "code=503").status_code == 404


def test_delays_and_then_serves(client: Client) -> None:
    started = time.monotonic()
    assert client.upsert(prefer="delay=0.6").status_code == 201
    assert time.monotonic() - started >= 0.6


def test_stores_the_write_of_a_client_that_timed_out(client: Client) -> None:
    with pytest.raises(requests.ReadTimeout):
        client.request(
            "POST",
            f"{client.url}/v1/contacts",
            json={"phone": "918856879188"},
            headers={"Prefer": "delay=1"},
            timeout=0.3,
        )
    wait_until(lambda: client.total() == 1)


def test_drops_the_response_and_keeps_the_write(client: Client) -> None:
    with pytest.raises(requests.ConnectionError):
        client.upsert(prefer="drop")
    again = client.upsert()
    assert (again.status_code, again.json()["created"]) == (200, False)


def test_drops_after_a_delay(client: Client) -> None:
    started = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        client.upsert(prefer="delay=0.5, drop")
    assert time.monotonic() - started >= 0.5
    assert client.total() == 1


@pytest.mark.parametrize(
    "header", ["code=200", "code=600", "code=x", "code", "delay=-1", "delay=61", "delay=nan"]
)
def test_rejects_an_invalid_preference(client: Client, header: str) -> None:
    answer = client.upsert(prefer=header)
    assert answer.status_code == 400
    assert header.partition("=")[0] in answer.json()["error"]["message"]
    assert client.total() == 0


def test_ignores_other_preferences(client: Client) -> None:
    answer = client.upsert(prefer="return=minimal, respond-async")
    assert answer.status_code == 201
    assert "Preference-Applied" not in answer.headers


def statuses(client: Client, count: int, method: str = "GET") -> list[int]:
    return [client.call(method, "/v1/contacts", json={}).status_code for _ in range(count)]


def test_a_rule_applies_as_often_as_requested(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(3)
    assert statuses(client, 5) == [503, 503, 503, 200, 200]


def test_a_rule_applies_to_its_method_and_path(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(code=500, method="GET", path="/v1/contacts/{id}")
    assert statuses(client, 2) == [200, 200]
    assert client.call("GET", "/v1/tags").status_code == 200
    assert client.call("DELETE", "/v1/contacts/918856879188").status_code == 404
    assert client.call("GET", "/v1/contacts/918856879188").status_code == 500
    assert client.call("GET", "/v1/contacts/918856879188").status_code == 404


def test_a_rule_applies_to_its_key(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(code=500, key="ak_test_another")
    assert statuses(client, 2) == [200, 200]
    contacts_standin.fail_next(code=500, key=contacts_standin.key)
    assert statuses(client, 2) == [500, 200]
    listed = client.call("GET", "/stand-in/faults")
    assert contacts_standin.key not in listed.text
    assert [each["played"] for each in listed.json()["faults"]] == [0, 1]


def test_a_seed_repeats_the_same_failures(client: Client, contacts_standin: StandIn) -> None:
    def results(seed: int) -> list[int]:
        contacts_standin.reset()
        contacts_standin.fail_next(probability=0.4, seed=seed)
        return statuses(client, 30)

    first = results(7)
    assert results(7) == first
    assert results(8) != first
    assert 4 <= first.count(503) <= 20


def test_drops_and_delays_by_rule(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(drop=True, method="POST")
    contacts_standin.fail_next(delay=0.5, code=504, method="GET")
    with pytest.raises(requests.ConnectionError):
        client.upsert()
    started = time.monotonic()
    assert client.call("GET", "/v1/contacts").status_code == 504
    assert time.monotonic() - started >= 0.5
    assert client.total() == 1


def test_rules_can_be_removed(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(5)
    assert client.call("DELETE", "/stand-in/faults").json()["faults"] == []
    assert statuses(client, 1) == [200]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": 200},
        {"code": "503"},
        {"delay": 100},
        {"drop": "yes"},
        {"code": 503, "count": 0},
        {"code": 503, "probability": 1.5},
        {"code": 503, "method": "BREW"},
        {"code": 503, "path": "v1"},
        {"code": 503, "path": "/" + "x" * 501},
        {"code": 503, "path": "/\ud800"},
        {"code": 503, "key": "\ud800"},
        {"code": 503, "key": "x" * 201},
        {"code": 503, "unknown": 1},
    ],
)
def test_rejects_invalid_rules(client: Client, body: dict[str, Any]) -> None:
    answer = client.call("POST", "/stand-in/faults", json=body)
    assert answer.status_code == 422
    assert client.call("GET", "/stand-in/faults").json()["faults"] == []


def test_does_not_affect_its_own_routes(client: Client, contacts_standin: StandIn) -> None:
    contacts_standin.fail_next(1)
    answer = client.call("GET", "/stand-in/requests", "code=503, delay=5, drop")
    assert answer.status_code == 200
    assert statuses(client, 1) == [503]
