"""A server that is killed while it writes leaves segments and events that agree."""

import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from app.database.sqlite.migrate import add_functions
from app.maintenance.segment_checks import connection_of, wrong_segments
from tests.conftest import RunningServer, StartServer, wait_until
from tests.segments.conftest import VIP

pytestmark = [pytest.mark.soak, pytest.mark.sqlite]

CLIENTS, CONTACTS, KILLS = 4, 40, 5


def write_until_it_dies(server: RunningServer, number: int) -> int:
    """Add, remove and rename a tag by turns; return how many writes got a response."""
    done = 0
    with suppress(requests.RequestException), server.session() as session:
        while done < 5_000:
            phone = f"9188568{number}{done * 7 % CONTACTS:04}"
            tags = ["VIP"] if done % 3 else []
            body = {"phone": phone, "tags": tags}
            session.post(f"{server.url}/v1/contacts", json=body, timeout=10)
            if done % 50 == 49:
                path, new = ("VIP", "Best") if done % 100 == 49 else ("Best", "VIP")
                session.patch(f"{server.url}/v1/tags/{path}", json={"name": new}, timeout=10)
            done += 1
    return done


def members_and_events(path: Path) -> tuple[set[str], set[str], list[str]]:
    """Return the members, the members by the events, and what doctor finds."""
    with closing(sqlite3.connect(path)) as driver:
        add_functions(driver)
        rows = driver.execute(
            "SELECT phone FROM segment_members JOIN contacts ON contacts.id = contact_id"
        )
        by_events: set[str] = set()
        for event, phone in driver.execute("SELECT event, phone FROM changes ORDER BY seq"):
            if event == "segment.entered":
                assert phone not in by_events
                by_events.add(phone)
            elif event == "segment.left":
                by_events.remove(phone)
        return {phone for (phone,) in rows}, by_events, wrong_segments(connection_of(driver))


def test_members_are_correct_after_a_killed_process(start_server: StartServer) -> None:
    server = start_server()
    url = f"{server.url}/v1/segments/VIP"
    with server.session() as session:
        assert session.put(url, json={"filter": VIP}, timeout=10).status_code == 201
    answered = 0
    for turn in range(KILLS):
        answered += kill_while_it_writes(server, 1 + turn / 3)
        server = start_server(data=server.data)
        wait_until(lambda: is_settled(server.data / "contacts.db"), 30)  # noqa: B023
        found, by_events, faults = members_and_events(server.data / "contacts.db")
        assert faults == [] and found == by_events
    assert answered > 100


def kill_while_it_writes(server: RunningServer, seconds: float) -> int:
    """Return how many writes got a response before."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        counts = [clients.submit(write_until_it_dies, server, n) for n in range(CLIENTS)]
        threading.Event().wait(seconds)
        server.stop(signal.SIGKILL)
        return sum(each.result() for each in counts)


def is_settled(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as driver:
        unfinished = "SELECT 1 FROM tag_sweeps UNION SELECT 1 FROM segments WHERE position >= 0"
        return driver.execute(unfinished).fetchall() == []
