"""Fixtures of two servers, each with processes and a data folder of its own, on one database."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from app.database.postgres.lease import SECONDS
from app.database.postgres.store import Database
from tests.conftest import RunningServer, servers, store_faults, wait_until
from tests.postgres import PostgresServer, programs, running_server
from tests.webhooks.conftest import Receiver


def need(program: str, is_there: object) -> None:
    """Skip a test without a program, or fail it where PostgreSQL is required."""
    if not is_there:
        why = f"{program} is not installed: apt-get install {program.lower()}"
        assert "POSTGRES_TESTS" not in os.environ, why
        pytest.skip(why)


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server that syncs what it commits: tests kill it."""
    need("PostgreSQL", programs())
    with running_server(("max_connections=200", "listen_addresses=")) as server:
        yield server


@pytest.fixture
def url(durable: PostgresServer) -> str:
    return durable.create()


@pytest.fixture
def pair(url: str, tmp_path: Path) -> Iterator[list[RunningServer]]:
    with pair_of_servers(url, tmp_path) as started:
        yield started


@contextmanager
def pair_of_servers(url: str, folder: Path) -> Iterator[list[RunningServer]]:
    with servers(folder) as start:
        environ = {
            "CONTACTS_DATABASE_URL": url,
            "CONTACTS_WEBHOOK_ALLOW_PRIVATE": "127.0.0.0/8",
        }
        first = start(data=folder / "one", environ=environ)
        # The first start has made the key.
        (folder / "two").mkdir(mode=0o700)
        (folder / "two" / "first-admin-key").write_text(first.key)
        yield [first, start(data=folder / "two", environ=environ)]


def ask(server: RunningServer, method: str, path: str, **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {server.key}"} | more.pop("headers", {})
    return requests.request(method, server.url + path, headers=headers, timeout=30, **more)


def post(server: RunningServer, **body: Any) -> requests.Response:
    return ask(server, "POST", "/v1/contacts", json=body)


def faults(url: str, pair: list[RunningServer]) -> list[str]:
    with closing(Database(url, pair[0].data)) as db:
        return store_faults(db)


def deliverer(url: str, server: RunningServer) -> int:
    """Return the id of the process that delivers."""
    with closing(Database(url, server.data)) as db:
        [(holder,)] = db.connection().execute("SELECT holder FROM leases WHERE name = 'deliverer'")
    return int(holder.split()[1])


def check_takeover(pair: list[RunningServer], url: str, receiver: Receiver) -> None:
    """Kill the server that delivers while clients write: the other one continues, in order."""
    assert ask(pair[0], "POST", "/v1/webhooks", json={"url": receiver.url}).status_code == 201
    assert post(pair[0], phone="918856879100", last_name="0").ok
    wait_until(lambda: bool(receiver.received))
    killed, other = pair if deliverer(url, pair[0]) in pair[0].workers() else pair[::-1]
    stopping = threading.Event()

    def write(number: int) -> list[str]:
        stored = []
        phone = f"9188568791{number:02}"
        while not stopping.is_set():
            name = str(len(stored) + 1)
            assert post(other, phone=phone, last_name=name).ok
            stored.append(name)
            time.sleep(0.05)
        return stored

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, number) for number in range(1, 4)]
        try:
            wait_until(lambda: len(receiver.received) > 20)
            killed.stop(signal.SIGKILL)
            began = time.monotonic()
            time.sleep(1)  # Requests that it had sent may still arrive.
            before = len(receiver.received)
            wait_until(lambda: len(receiver.received) > before, 60)
            assert time.monotonic() - began < SECONDS + 5
        finally:
            stopping.set()
        stored = [each.result(60) for each in writers]
    wait_until(lambda: [_names(receiver, number) for number in range(1, 4)] == stored, 60)
    assert deliverer(url, other) in other.workers()


def check_restart(pair: list[RunningServer], postgres: PostgresServer, url: str) -> None:
    """Kill and restart the database while clients write: what was acknowledged is stored."""
    acknowledged: list[str] = []
    stopping = threading.Event()

    def write(number: int) -> None:
        each = 0
        while not stopping.is_set():
            each += 1
            phone = f"9188{number}{each:07}"
            response = post(pair[number % 2], phone=phone)
            assert response.status_code in (201, 503), response.text
            if response.status_code == 201:
                acknowledged.append(phone)

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        wait_until(lambda: len(acknowledged) > 30)
        postgres.kill()
        time.sleep(1)
        postgres.start()
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 30)
        stopping.set()
        for each in writers:
            each.result(60)
    with closing(Database(url, pair[0].data)) as db:
        stored = {phone for (phone,) in db.connection().execute("SELECT phone FROM contacts")}
    assert set(acknowledged) - stored == set()
    assert faults(url, pair) == []


def _names(receiver: Receiver, number: int) -> list[str]:
    """Return the names received for a contact, in order; deliveries can be repeated."""
    events = [each.event["data"] for each in receiver.received]
    found = [each["last_name"] for each in events if each["phone"] == f"9188568791{number:02}"]
    return list(dict.fromkeys(found))
