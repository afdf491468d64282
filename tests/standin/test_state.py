"""Reset, snapshots and recorded requests, under load too."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from contacts_standin import StandIn, running
from tests.conftest import run_contacts, store_faults, wait_until
from tests.standin.conftest import Client


def phones(client: Client) -> list[str]:
    return [each["phone"] for each in client.call("GET", "/v1/contacts").json()["contacts"]]


def test_a_reset_removes_everything(client: Client, contacts_standin: StandIn) -> None:
    client.upsert(tags=["Lead"])
    client.call("POST", "/v1/webhooks", json={"url": contacts_standin.inbox_url, "label": "x"})
    client.call("POST", "/stand-in/inbox", data=b"{}")
    contacts_standin.fail_next(100)
    contacts_standin.reset()
    assert contacts_standin.requests == []
    assert contacts_standin.inbox == []
    assert client.total() == 0
    assert client.call("GET", "/v1/tags").json()["tags"] == []
    assert client.call("GET", "/v1/webhooks").json()["webhooks"] == []
    assert client.call("GET", "/v1/changes").json()["changes"] == []


def test_restores_snapshots_repeatedly(client: Client, contacts_standin: StandIn) -> None:
    client.upsert("918856879188")
    contacts_standin.snapshot("one")
    client.upsert("918856879189")
    contacts_standin.snapshot("two")
    for _ in range(2):
        client.upsert("918856879190")
        contacts_standin.restore("one")
        assert phones(client) == ["918856879188"]
        contacts_standin.restore("two")
        assert phones(client) == ["918856879188", "918856879189"]
    assert {"one", "two"} <= set(client.call("GET", "/stand-in/snapshot").json()["snapshots"])
    contacts_standin.reset()
    assert client.total() == 0
    contacts_standin.restore("two")  # A reset keeps snapshots.
    assert client.total() == 2


def test_the_same_writes_get_the_same_responses_after_a_reset(
    client: Client, contacts_standin: StandIn
) -> None:
    def answers() -> list[Any]:
        for number in range(5):
            client.upsert(f"91885687918{number}", tags=["Lead"])
        return [each["seq"] for each in client.call("GET", "/v1/changes").json()["changes"]]

    first = answers()
    contacts_standin.reset()
    assert answers() == first == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["..", ".start", "-x", "a b", "x" * 65, "ü"])
def test_rejects_invalid_names_of_snapshots(client: Client, name: str) -> None:
    assert client.call("POST", f"/stand-in/snapshot/{name}").status_code in (404, 422)
    assert client.call("POST", f"/stand-in/restore/{name}").status_code == 404
    assert client.call("POST", "/stand-in/restore/never-made").status_code == 404


@contextmanager
def writers(standin: StandIn, key: str, count: int) -> Iterator[list[Any]]:
    """Upsert from several clients at once; collect the responses."""
    stopping, answers = threading.Event(), []

    def write(place: int) -> None:
        with Client(standin, key) as client:
            number = 0
            while not stopping.is_set():
                number += 1
                answer = client.upsert(f"9188{place}{number:07}", tags=["Lead"], first_name="P")
                answers.append((answer.status_code, answer.json()))

    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(write, place) for place in range(count)]
        try:
            yield answers
        finally:
            stopping.set()
    for task in tasks:
        task.result()


def test_restores_are_complete_while_clients_write(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running("--data", str(data)) as standin, Client(standin) as client:
        made = run_contacts("keys", "create", "--label", "x", "--rate-limit", "0", "--data", data)
        client.upsert("15005550006", first_name="Kept")
        standin.snapshot("base")
        with writers(standin, made.stdout.strip(), 4) as answers:
            for round_number in range(8):
                before = len(answers)
                wait_until(lambda before=before: len(answers) > before + 10)
                if round_number % 2:
                    standin.snapshot("other")
                else:
                    standin.restore("base")
        assert {status for status, _ in answers} <= {200, 201}
        assert len(answers) > 80
        standin.restore("base")
        assert phones(client) == ["15005550006"]
        assert client.call("GET", "/v1/tags").json()["tags"] == []
        assert store_faults(data / "contacts.db") == []
        standin.restore("other")
        assert client.total() > 1
    assert store_faults(data / "contacts.db") == []


def test_a_delivery_from_before_a_reset_does_not_change_a_later_one(
    client: Client, contacts_standin: StandIn
) -> None:
    """A late attempt belongs to its own delivery: its number is not used again."""
    hook = {"url": contacts_standin.inbox_url, "label": "x"}
    client.call("POST", "/v1/webhooks", json=hook)
    contacts_standin.fail_next(delay=3, path="/stand-in/inbox", code=500)
    client.upsert()
    wait_until(lambda: bool(client.call("GET", "/stand-in/faults").json()["faults"][0]["played"]))
    contacts_standin.reset()
    made = client.call("POST", "/v1/webhooks", json=hook).json()["webhook"]["id"]
    client.upsert("918856879189")
    wait_until(lambda: len(contacts_standin.inbox) == 1)

    def log() -> list[tuple[str, int]]:
        answer = client.call("GET", f"/v1/webhooks/{made}/deliveries")
        return [(each["state"], each["attempt"]) for each in answer.json()["deliveries"]]

    wait_until(lambda: log() != [("pending", 0)])  # The outcome is stored after the response.
    assert log() == [("delivered", 1)]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/contacts"), ("POST", "/stand-in/inbox")])
def test_a_reset_forgets_requests_that_are_under_way(
    client: Client, contacts_standin: StandIn, method: str, path: str
) -> None:
    contacts_standin.fail_next(delay=0.5, path=path)

    def call() -> int:
        with Client(contacts_standin) as other:
            return other.call(method, path).status_code

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call)
        wait_until(
            lambda: bool(client.call("GET", "/stand-in/faults").json()["faults"][0]["played"])
        )
        contacts_standin.reset()
        assert answer.result() == 200
    client.call("GET", "/v1/tags")
    assert [each["path"] for each in contacts_standin.requests] == ["/v1/tags"]
    assert contacts_standin.inbox == []


def test_records_requests_and_reasons_of_rejections(
    client: Client, contacts_standin: StandIn
) -> None:
    client.upsert(first_name="Zoë")
    client.upsert("12")
    client.call("GET", "/v1/contacts?tag=a b&limit=999")
    with Client(contacts_standin, "wrong") as stranger:
        stranger.call("GET", "/v1/contacts")
    client.call("GET", "/nowhere")
    client.call("GET", "/v1/contacts", "code=503")
    simulated, nowhere, stranger_, list_, rejected, made = contacts_standin.requests
    assert (made["method"], made["path"], made["status"]) == ("POST", "/v1/contacts", 201)
    assert '"first_name": "Zo\\u00eb"' in made["sent"]
    assert (made["key"], made["remaining"], made["error"]) == ("stand-in", 119, None)
    assert rejected["status"] == 422
    assert rejected["error"]["details"]["phone"]
    assert list_["path"] == "/v1/contacts?tag=a%20b&limit=999" or "a b" in list_["path"]
    assert list_["error"]["details"]["limit"]
    assert (stranger_["status"], stranger_["key"]) == (401, None)
    assert stranger_["error"]["code"] == "unauthorized"
    assert (nowhere["status"], nowhere["error"]["code"]) == (404, "not_found")
    assert (simulated["fault"], simulated["status"]) == ("code=503", 503)
    assert all(each["request_id"] and each["ms"] >= 0 for each in contacts_standin.requests)


def test_records_neither_its_own_routes_nor_keys(client: Client, contacts_standin: StandIn) -> None:
    client.call("GET", "/stand-in/clock")
    client.call("GET", "/v1/contacts")
    [only] = contacts_standin.requests
    assert contacts_standin.key not in str(only)


def test_keeps_the_last_thousand_requests() -> None:
    with running() as standin, ThreadPoolExecutor(8) as pool:
        with Client(standin) as client:
            hard = "\x01\U0001f600" * 200
            answer = client.call("POST", f"/v1/nothing?{hard}", data=hard.encode() * 9)
            assert answer.status_code == 404
            client.call("PATCH", "/v1/contacts/1", json={str(n) * 60: n for n in range(100)})
            assert [each["status"] for each in standin.requests] == [422, 404]

        def ask(first: int) -> set[int]:
            statuses = set()
            with Client(standin, "") as stranger:
                del stranger.headers["Connection"]
                # A server may close a connection that its client leaves idle.
                stranger.mount("http://", HTTPAdapter(max_retries=Retry(read=3, connect=3)))
                for number in range(first, first + 150):
                    statuses.add(stranger.call("GET", f"/v1/contacts?n={number}").status_code)
            return statuses

        assert list(pool.map(ask, range(0, 1_050, 150))) == [{401}] * 7
        kept = standin.requests
        assert [each["number"] for each in kept] == list(range(1_052, 52, -1))
        assert len({each["path"] for each in kept}) == 1_000
