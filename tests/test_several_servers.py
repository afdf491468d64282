"""Two servers, each with processes and a data folder of its own, on one PostgreSQL database."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import RunningServer, run_contacts
from tests.postgres import PostgresServer
from tests.several_servers import (
    ask,
    check_restart,
    check_takeover,
    durable,
    faults,
    pair,
    post,
    url,
)
from tests.webhooks.conftest import StartReceiver, start_receiver

__all__ = ["durable", "pair", "start_receiver", "url"]

pytestmark = pytest.mark.soak


def test_readers_follow_while_writers_write(pair: list[RunningServer], url: str) -> None:
    """Three readers over two servers see every change of six writers once, in one order."""
    done = threading.Event()

    def write(number: int) -> int:
        server = pair[number % 2]
        for each in range(25):
            phone = f"9188568{(number * 7 + each) % 40:05}"
            assert post(server, phone=phone, last_name=f"{number}-{each}").ok
        return 25

    def read(number: int) -> list[int]:
        seen: list[int] = []
        while True:
            is_last = done.is_set()
            after = seen[-1] if seen else 0
            query = f"/v1/changes?after={after}&limit=100"
            found = ask(pair[(number + len(seen)) % 2], "GET", query).json()["changes"]
            seen += [each["seq"] for each in found]
            if is_last and not found:
                return seen

    with ThreadPoolExecutor(9) as pool:
        readers = [pool.submit(read, number) for number in range(3)]
        written = sum(pool.map(write, range(6)))
        done.set()
        seen = [each.result(60) for each in readers]
    assert seen[0] == seen[1] == seen[2] == list(range(1, written + 1))
    totals = [ask(each, "GET", "/v1/contacts").json()["pagination"]["total"] for each in pair]
    assert totals[0] == totals[1]
    assert faults(url, pair) == []


def test_a_limit_counts_the_requests_of_both_servers(pair: list[RunningServer], url: str) -> None:
    options = ("--label", "x", "--rate-limit", "20", "--data", pair[0].data)
    key = run_contacts("keys", "create", *options, CONTACTS_DATABASE_URL=url).stdout.strip()

    def get(number: int) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{pair[number % 2].url}/v1/contacts"
        return requests.get(url, headers=headers, timeout=30).status_code

    with ThreadPoolExecutor(6) as pool:
        assert Counter(pool.map(get, range(50))) == {200: 20, 429: 30}


def test_another_server_delivers_after_a_kill(
    pair: list[RunningServer], url: str, start_receiver: StartReceiver
) -> None:
    check_takeover(pair, url, start_receiver())


def test_a_killed_database_loses_no_acknowledged_write(
    pair: list[RunningServer], durable: PostgresServer, url: str
) -> None:
    check_restart(pair, durable, url)
