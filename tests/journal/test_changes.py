"""The changes feed: its events, their order, erasure and retention."""

import json
import threading
import time
from http.client import HTTPConnection
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.api_keys.handlers import create_api_key
from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.database import Database
from app.journal import handlers, store
from app.serving.worker import RECEIVE_SECONDS
from app.settings import load
from app.web.service import service_of
from tests.conftest import StartServer, wait_until

PATH = "/v1/changes"
CONTACTS = "/v1/contacts"
PRIYA = {"phone": "918856879188", "first_name": "Priya", "tags": ["VIP"]}
ASHA = {"phone": "919000000001", "first_name": "Asha", "email": "asha@example.com"}


def changes(client: FlaskClient, query: str = "") -> list[Any]:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.json
    return answer.json["changes"]


def events_of(client: FlaskClient, query: str = "") -> list[tuple[str, Any]]:
    return [(each["event"], each["data"].get("changed")) for each in changes(client, query)]


def test_appends_every_change_in_order(client: FlaskClient) -> None:
    client.post(CONTACTS, json=PRIYA)
    client.post(CONTACTS, json={**PRIYA, "custom_fields": {"plan": "pro"}})
    client.patch(f"{CONTACTS}/918856879188", json={"first_name": None})
    client.post(f"{CONTACTS}/918856879188/tags", json={"tags": ["Lead"]})
    client.delete(f"{CONTACTS}/918856879188/tags/VIP")
    assert events_of(client) == [
        ("contact.created", ["first_name", "tags"]),
        ("contact.updated", ["custom_fields.plan"]),
        ("contact.updated", ["first_name"]),
        ("contact.updated", ["tags"]),
        ("contact.updated", ["tags"]),
    ]
    found = changes(client)
    assert [each["seq"] for each in found] == [1, 2, 3, 4, 5]
    assert list(found[0]) == ["seq", "event", "timestamp", "actor", "data"]
    view = client.get(f"{CONTACTS}/918856879188").json["contact"]
    assert found[-1]["data"] == {**view, "changed": ["tags"], "previous": {"tags": ["VIP", "Lead"]}}
    assert found[0]["data"]["first_name"] == "Priya"


def test_appends_nothing_if_nothing_changed(client: FlaskClient) -> None:
    client.post(CONTACTS, json=PRIYA)
    client.post(CONTACTS, json=PRIYA)
    client.post(f"{CONTACTS}?dry_run=true", json={**PRIYA, "first_name": "Asha"})
    client.post(CONTACTS, json={**PRIYA, "first_name": 1})
    client.patch(f"{CONTACTS}/918856879188", json={"first_name": "Priya"})
    client.post(f"{CONTACTS}/918856879188/tags", json={"tags": ["VIP"]})
    client.patch(
        f"{CONTACTS}/918856879188", json={"first_name": "X"}, headers={"If-Match": '"other"'}
    )
    assert len(changes(client)) == 1


@pytest.mark.parametrize("types", ["", "&types=contact.updated"])
def test_a_page_of_large_events_ends_early(
    client: FlaskClient, db: Database, monkeypatch: pytest.MonkeyPatch, types: str
) -> None:
    for number in range(61):
        upsert_contact(db, Draft("918856879188", first_name=f"Priya {number}"))
    assert len(changes(client, f"limit=1000{types}")) == (60 if types else 61)
    monkeypatch.setattr(handlers, "LARGE_PAGE", 1)
    pages: list[list[int]] = [[0]]
    while pages[-1]:
        answer = client.get(f"{PATH}?limit=1000{types}&after={pages[-1][-1]}").get_json()
        pages.append([each["seq"] for each in answer["changes"]])
    assert {len(page) for page in pages[:-1]} == {1}
    assert [seq for page in pages[1:] for seq in page] == list(range(2 if types else 1, 62))


@pytest.mark.parametrize(
    "path",
    [f"{PATH}?", f"{PATH}?types=contact.updated&", f"{CONTACTS}/918856879188/history?"],
)
def test_a_page_never_has_many_large_events(client: FlaskClient, db: Database, path: str) -> None:
    """Each has 640 kB here, and some megabytes at most: 25 at once took 260 MB of memory."""
    large = {f"field {number}": "é" * 4_000 for number in range(80)}
    for number in range(16):
        upsert_contact(db, Draft("918856879188", first_name=str(number), custom_fields=large))
    answer = client.get(f"{path}limit=100")
    found = answer.get_json().get("changes") or answer.get_json()["history"]
    assert handlers.LARGE_PAGE < len(answer.data) < handlers.LARGE_PAGE + 700_000
    assert all(each["data"]["custom_fields"] == large for each in found)


def test_an_erased_contact_is_in_no_event(client: FlaskClient, db: Database) -> None:
    client.post(CONTACTS, json=PRIYA)
    client.post(CONTACTS, json=ASHA)
    client.post(CONTACTS, json={**PRIYA, "last_name": "Sharma"})
    client.delete(f"{CONTACTS}/918856879188")
    found = changes(client)
    gone = {"id": "cnt_918856879188", "deleted": True}
    assert [each["data"] for each in found if each["seq"] != 2] == [gone] * 3
    assert [each["event"] for each in found][-1] == "contact.deleted"
    assert found[1]["data"]["first_name"] == "Asha"
    assert "Sharma" not in str(db.connection().execute("SELECT * FROM changes"))


def test_a_merge_is_one_event_and_is_erased_with_the_survivor(
    client: FlaskClient, db: Database
) -> None:
    client.post(CONTACTS, json=PRIYA)
    client.post(CONTACTS, json=ASHA)
    merge = {"from": "cnt_919000000001"}
    for _ in range(2):
        assert client.post(f"{CONTACTS}/918856879188/merge", json=merge).status_code == 200
    found = changes(client, "after=2")
    assert [(each["event"], each["data"]["merged"]) for each in found] == [
        ("contact.merged", "cnt_919000000001")
    ]
    assert found[0]["data"]["changed"] == ["email"]
    assert found[0]["data"]["email"] == "asha@example.com"
    client.delete(f"{CONTACTS}/918856879188")
    rows = str(db.connection().execute("SELECT * FROM changes"))
    assert "Asha" not in rows and "asha@example.com" not in rows


def test_continues_after_a_page(client: FlaskClient) -> None:
    for number in range(7):
        client.post(CONTACTS, json={"phone": f"91885687918{number}"})
    seen, after = [], 0
    while True:
        answer = client.get(f"{PATH}?after={after}&limit=3").json
        if not answer["changes"]:
            break
        seen += [each["seq"] for each in answer["changes"]]
        after = answer["next_after"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert answer == {"success": True, "changes": [], "next_after": 7}


def test_filters_by_event(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MAX_SCANNED", 3)
    for number in range(5):
        client.post(CONTACTS, json={"phone": f"91885687918{number}"})
    client.delete(f"{CONTACTS}/918856879182")
    client.post(CONTACTS, json={"phone": "918856879182", "first_name": "Priya"})
    query = "types=contact.deleted,contact.updated"
    first = client.get(f"{PATH}?{query}&after=0").json
    assert (first["changes"], first["next_after"]) == ([], 3)
    second = client.get(f"{PATH}?{query}&after=3").json
    assert ([each["seq"] for each in second["changes"]], second["next_after"]) == ([6], 6)
    assert client.get(f"{PATH}?{query}&after=6").json["next_after"] == 7
    one = client.get(f"{PATH}?types=contact.created&limit=1").json
    assert ([each["seq"] for each in one["changes"]], one["next_after"]) == ([1], 1)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=26", "wait"),
        ("wait=1.5", "wait"),
        ("types=", "types"),
        ("types=contact.created,", "types"),
        ("since=1", "since"),
    ],
)
def test_rejects_invalid_queries(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


def test_returns_410_after_removed_changes(client: FlaskClient, db: Database) -> None:
    for number in range(5):
        client.post(CONTACTS, json={"phone": f"91885687918{number}"})
    db.connection().number_changes()
    with db.transaction() as tx:
        assert store.remove_events(tx, "2000-01-01T00:00:00Z", most=3) == 0
        assert store.remove_events(tx, "2999-01-01T00:00:00Z", most=3) == 3
    assert [each["seq"] for each in changes(client)] == [4, 5]
    assert [each["seq"] for each in changes(client, "after=3")] == [4, 5]
    for after in (0, 2, 6):
        answer = client.get(f"{PATH}?after={after}")
        assert (answer.status_code, answer.json["error"]["code"]) == (410, "gone")
        assert "after 5" in answer.json["error"]["message"]
    with db.transaction() as tx:
        assert store.remove_events(tx, "2999-01-01T00:00:00Z", most=3) == 2
    assert changes(client) == [] and changes(client, "after=5") == []
    client.post(CONTACTS, json={"phone": "918856879189"})
    assert [each["seq"] for each in changes(client)] == [6]


def test_needs_the_scope_to_read(anonymous: FlaskClient, db: Database) -> None:
    key = create_api_key(db, label="writes", scopes=("contacts:write",))
    headers = {"Authorization": f"Bearer {key}"}
    assert anonymous.get(PATH, headers=headers).status_code == 403


def test_waits_for_a_change(client: FlaskClient, db: Database) -> None:
    started = time.monotonic()
    assert client.get(f"{PATH}?wait=1&after=0").json["changes"] == []
    assert 0.9 < time.monotonic() - started < 10
    threading.Timer(0.3, upsert_contact, (db, Draft("918856879188"))).start()
    found = changes(client, "wait=20&types=contact.created")
    assert [each["seq"] for each in found] == [1]


def test_a_long_poll_skips_events_of_other_kinds(client: FlaskClient, db: Database) -> None:
    threading.Timer(0.2, upsert_contact, (db, Draft("918856879188"))).start()
    threading.Timer(0.5, upsert_contact, (db, Draft("918856879188", "Priya"))).start()
    found = changes(client, "wait=20&types=contact.updated")
    assert [each["seq"] for each in found] == [2]


def test_limits_the_concurrent_long_polls(tmp_path: Any) -> None:
    app = create_app(load({}, data=tmp_path / "one", threads=1))
    key = create_api_key(service_of(app).db, label="x", scopes=("contacts:read",))
    headers = {"Authorization": f"Bearer {key}"}
    started = time.monotonic()
    answer = app.test_client().get(f"{PATH}?wait=25", headers=headers)
    assert time.monotonic() - started < 10
    assert (answer.status_code, answer.headers["Retry-After"]) == (200, "1")
    assert answer.json == {"success": True, "changes": [], "next_after": 0}
    service_of(app).db.close()


def test_a_stop_ends_long_polls_and_other_requests_are_served(start_server: StartServer) -> None:
    server = start_server("--workers", "1", "--threads", "4")
    answers: list[Any] = []

    def wait() -> None:
        answers.append(server.get(PATH, wait="25", after="0"))

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    wait_until(lambda: len(answers) == 1)
    assert answers[0].headers["Retry-After"] == "1"
    assert server.post(phone="no").status_code == 422
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 20  # They would wait for 25.
    for thread in waiting:
        thread.join(60)
    assert [answer.json()["changes"] for answer in answers] == [[]] * 3


@pytest.mark.soak
def test_a_long_poll_keeps_the_connection(start_server: StartServer) -> None:
    """The time limit of sending a request does not apply to its response."""
    server = start_server()
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    headers = {"Authorization": f"Bearer {server.key}"}
    for wait in (RECEIVE_SECONDS + 2, 0):
        connection.request("GET", f"/v1/changes?wait={wait}", headers=headers)
        answer = connection.getresponse()
        assert json.load(answer)["changes"] == []
        assert answer.getheader("Connection") != "close"
        assert not answer.will_close
    connection.close()


def test_every_reader_sees_every_change_once(start_server: StartServer) -> None:
    """One client writes at full speed; three readers crash after some pages and continue."""
    server = start_server()
    last = 400
    seen: list[list[int]] = [[], [], []]

    def write() -> None:
        with server.session() as session:
            for number in range(last):
                body = {"phone": f"9188568{number % 50:05}", "custom_fields": {"n": number}}
                session.post(f"{server.url}{CONTACTS}", json=body, timeout=30)

    def read(which: int) -> None:
        kept = json.dumps(0)
        while len(seen[which]) < last:
            after, session = json.loads(kept), server.session()
            for _ in range(which + 2):
                answer = session.get(
                    f"{server.url}{PATH}",
                    params={"after": after, "limit": 7 + which, "wait": 1},
                    timeout=30,
                ).json()
                seen[which] += [each["seq"] for each in answer["changes"]]
                kept = json.dumps(after := answer["next_after"])
            session.close()

    threads = [threading.Thread(target=write)]
    threads += [threading.Thread(target=read, args=(which,)) for which in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert seen == [list(range(1, last + 1))] * 3
