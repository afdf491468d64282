"""The recipe that keeps a copy in sync ends with the same contacts as the server."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from app.database.sqlite.store import Database
from app.journal.store import remove_events
from tests.conftest import RunningServer, StartServer
from tests.docs.test_examples import python_of

PHONES = [f"91885687{number:04}" for number in range(40)]
TAGS = ("Lead", "VIP", "New", "Old")


@pytest.fixture
def recipe() -> dict[str, Any]:
    return python_of("docs/changes-and-webhooks.md")


@pytest.fixture
def session(server: RunningServer) -> Iterator[requests.Session]:
    with server.session() as session:
        yield session


def write(session: requests.Session, url: str, chosen: random.Random) -> int:
    """Make one change of any kind; return its status."""
    phone, tag = chosen.choice(PHONES), chosen.choice(TAGS)
    one, tags = f"{url}/v1/contacts/{phone}", f"{url}/v1/tags/{tag}"
    custom = {chosen.choice("ab"): chosen.randrange(9)}
    contact = {"phone": phone, "tags": chosen.sample(TAGS, 2), "custom_fields": custom}
    match chosen.randrange(40):
        case 0:
            answer = session.patch(tags, json={"name": chosen.choice(TAGS)}, timeout=30)
        case 1:
            answer = session.delete(tags, timeout=30)
        case 2:
            answer = session.delete(f"{url}/v1/custom-fields/{chosen.choice('ab')}", timeout=30)
        case 3 | 4 | 5:
            answer = session.delete(one, timeout=30)
        case 6 | 7 | 8:
            other = {"from": chosen.choice(PHONES)}
            answer = session.post(f"{one}/merge", json=other, timeout=30)
        case 9 | 10 | 11:
            answer = session.patch(one, json={"first_name": str(chosen.random())}, timeout=30)
        case _:
            answer = session.post(f"{url}/v1/contacts", json=contact, timeout=30)
    return answer.status_code


def contacts_of(server: RunningServer) -> dict[str, Any]:
    page = server.get(limit=100, include="custom_fields,updated_at").json()
    assert page["pagination"]["total"] == len(page["contacts"])
    return {each["id"]: each for each in page["contacts"]}


def test_a_copy_equals_the_source_after_writes_of_every_kind(
    server: RunningServer, session: requests.Session, recipe: dict[str, Any]
) -> None:
    chosen = random.Random(1)
    statuses: list[int] = []
    stop = threading.Event()

    def write_on() -> None:
        while not stop.is_set() or len(statuses) < 300:
            statuses.append(write(session, server.url, chosen))

    thread = threading.Thread(target=write_on)
    thread.start()
    copy: dict[str, Any] = {}
    after = None
    try:
        for _ in range(20):
            after = recipe["sync"](server.url, server.key, copy, after)
    finally:
        stop.set()
        thread.join()
    recipe["sync"](server.url, server.key, copy, after)
    source = contacts_of(server)
    assert copy == source and len(source) > 10
    assert set(statuses) <= {200, 201, 404, 409}
    fresh: dict[str, Any] = {}
    recipe["sync"](server.url, server.key, fresh)
    assert fresh == source


def test_an_outdated_follower_gets_410_and_starts_over(
    start_server: StartServer, recipe: dict[str, Any]
) -> None:
    server = start_server()
    copy: dict[str, Any] = {}
    server.post(phone=PHONES[0])
    after = recipe["sync"](server.url, server.key, copy)
    with server.session() as session:
        session.delete(f"{server.url}/v1/contacts/{PHONES[0]}", timeout=30)
    server.post(phone=PHONES[1])
    with closing(Database(server.data / "contacts.db")) as db, db.transaction() as tx:
        remove_events(tx, before="9999-01-01T00:00:00Z", most=2, through=2)
    assert server.get("/v1/changes", after=after).status_code == 410
    recipe["sync"](server.url, server.key, copy, after)
    assert copy == contacts_of(server) and len(copy) == 1
