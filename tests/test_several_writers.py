"""Two servers on one PostgreSQL database: segments that both change, sweeps that both can run."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from random import Random
from typing import Any

import pytest
import requests

from app.database.postgres.lease import SECONDS
from app.database.postgres.store import Database
from app.maintenance.segment_checks import wrong_segments
from tests.conftest import RunningServer, wait_until
from tests.several_servers import ask, deliverer, durable, faults, pair, post, url

__all__ = ["durable", "pair", "url"]

pytestmark = pytest.mark.soak

VIP = {"field": "tag", "op": "eq", "value": "VIP"}
PRO = {"field": "custom_fields.plan", "op": "eq", "value": "pro"}
PHONES = [f"9188568{number:05}" for number in range(30)]
CONTACTS = 10_000


def test_segments_are_exact_while_both_servers_write(pair: list[RunningServer], url: str) -> None:
    """The members are those who match, and those who entered and did not leave by the events."""
    for name, filter in {"VIP": VIP, "Both": {"all": [VIP, PRO]}}.items():
        assert ask(pair[0], "PUT", f"/v1/segments/{name}", json={"filter": filter}).ok

    def write(number: int) -> None:
        random = Random(number)
        for each in range(80):
            write_once(pair[(number + each) % 2], random)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    for server in pair:
        wait_until(lambda: all(each["state"] == "ready" for each in segments(server)))  # noqa: B023
    # Filters follow renames.
    tag = ask(pair[0], "GET", "/v1/segments/VIP").json()["segment"]["filter"]["value"]
    stored = all_of(pair[0], "/v1/contacts?include=custom_fields&cursor=start")
    vip = {each["id"] for each in stored if tag in each["tags"]}
    both = {each["id"] for each in stored if each["custom_fields"].get("plan") == "pro"} & vip
    assert vip and both and both != vip
    for server in pair:
        assert members(server, "VIP") == vip and members(server, "Both") == both
    assert by_events(pair[1]) == {"VIP": vip, "Both": both}
    with closing(Database(url, pair[0].data)) as db:
        assert wrong_segments(db.connection()) == []
    assert faults(url, pair) == []


def write_once(server: RunningServer, random: Random) -> None:
    phone, turn = random.choice(PHONES), random.random()
    if turn < 0.1:
        response = ask(server, "DELETE", f"/v1/contacts/cnt_{phone}")
        assert response.status_code in (200, 204, 404), response.text
    elif turn < 0.13:
        name, new = random.choice((("VIP", "Old"), ("Old", "VIP")))
        response = ask(server, "PATCH", f"/v1/tags/{name}", json={"name": new})
        assert response.status_code in (200, 404), response.text
    else:
        tags = random.choice((["VIP"], ["Old"], ["VIP", "Lead"], ["Old", "Lead"], []))
        fields = {"plan": random.choice(("pro", "free"))}
        response = post(server, phone=phone, tags=tags, custom_fields=fields)
        assert response.status_code in (200, 201), response.text


def all_of(server: RunningServer, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(server, "GET", f"{path}&limit=100").json()["contacts"]
    assert len(found) < 100
    return found


def segments(server: RunningServer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(server, "GET", "/v1/segments").json()["segments"]
    return found


def members(server: RunningServer, name: str) -> set[str]:
    found = {each["id"] for each in all_of(server, f"/v1/contacts?segment={name}")}
    shown = ask(server, "GET", f"/v1/segments/{name}").json()["segment"]
    assert shown["contacts"] == len(found) and shown["state"] == "ready"
    return found


def by_events(server: RunningServer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"VIP": set(), "Both": set()}
    after = 0
    while page := ask(server, "GET", f"/v1/changes?after={after}&limit=1000").json()["changes"]:
        after = page[-1]["seq"]
        for each in page:
            if each["event"] in ("segment.entered", "segment.left"):
                of, id = found[each["data"]["segment"]], each["data"]["contact"]["id"]
                has_entered = each["event"] == "segment.entered"
                assert (id in of) is not has_entered
                (of.add if has_entered else of.remove)(id)
    return found


def test_another_server_finishes_a_rename_after_a_kill(pair: list[RunningServer], url: str) -> None:
    """The server that is killed has the lease."""
    killed, other = holder_first(pair, url)
    fill(killed, tags=["Old"])
    rename = ("PATCH", "/v1/tags/Old", {"name": "New"})
    kill_in(killed, other, url, "tag_sweeps", rename, SECONDS + 5)
    tags = {each["name"]: each["contacts"] for each in ask(other, "GET", "/v1/tags").json()["tags"]}
    assert tags == {"New": CONTACTS}
    assert faults(url, pair) == []


def test_another_server_finishes_a_deletion_after_a_kill(
    pair: list[RunningServer], url: str
) -> None:
    """The server that lives has the lease."""
    other, killed = holder_first(pair, url)
    fill(killed, custom_fields={"plan": "pro"})
    deletion = ("DELETE", "/v1/custom-fields/plan", None)
    kill_in(killed, other, url, "custom_field_sweeps", deletion, SECONDS)
    assert ask(other, "GET", "/v1/custom-fields").json()["custom_fields"] == []
    assert faults(url, pair) == []


def holder_first(pair: list[RunningServer], url: str) -> list[RunningServer]:
    """Return the servers, the holder of the lease first."""
    wait_until(lambda: bool(rows(url, pair[0], "SELECT 1 FROM leases WHERE name = 'deliverer'")))
    return pair if deliverer(url, pair[0]) in pair[0].workers() else pair[::-1]


def fill(server: RunningServer, **values: Any) -> None:
    for first in range(0, CONTACTS, 1_000):
        batch = [{"phone": f"9188{first + each:08}", **values} for each in range(1_000)]
        response = ask(server, "POST", "/v1/contacts/batch", json={"contacts": batch})
        assert response.ok, response.text


def kill_in(
    killed: RunningServer,
    other: RunningServer,
    url: str,
    table: str,
    request: tuple[str, str, object],
    seconds: float,
) -> None:
    """Kill a server within its sweep; fail unless the other one finishes that in time."""
    is_pending = f"SELECT 1 FROM {table}"
    method, path, body = request

    def send() -> None:
        with suppress(requests.ConnectionError):
            ask(killed, method, path, json=body)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(send)
        wait_until(lambda: bool(rows(url, other, is_pending)))
        killed.stop(signal.SIGKILL)
    assert rows(url, other, is_pending), "it ended before the kill"
    began = time.monotonic()
    wait_until(lambda: not rows(url, other, is_pending), 60)
    assert time.monotonic() - began < seconds + 10  # For the batches themselves.


def rows(url: str, server: RunningServer, sql: str) -> list[tuple[Any, ...]]:
    with closing(Database(url, server.data)) as db:
        return db.connection().execute(sql)
