"""A Singer tap and an Airbyte source sync incrementally while others write, and miss nothing."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.tools import PROGRAMS, run, virtual_environment
from tests.conftest import RunningServer, StartServer, wait_until

pytestmark = pytest.mark.soak

FIELDS = (
    *("id", "phone", "first_name", "last_name", "email", "tags"),
    *("created_at", "custom_fields", "updated_at"),
)
CATALOG = {
    "streams": [
        {
            "stream": {
                "name": "contacts",
                "json_schema": {},
                "supported_sync_modes": ["full_refresh", "incremental"],
            },
            "sync_mode": "incremental",
            "destination_sync_mode": "append_dedup",
            "cursor_field": ["updated_at"],
        }
    ]
}

Copy = dict[str, dict[str, Any]]
Sync = Callable[[Path, Copy], None]


@contextmanager
def writers(server: RunningServer) -> Iterator[None]:
    """Create and change contacts, about fifty a second."""
    stop = threading.Event()

    def write(seed: int) -> None:
        chosen = random.Random(seed)
        with server.session() as session:
            while not stop.is_set():
                body = {
                    "phone": f"91885687{chosen.randrange(200):04}",
                    "first_name": f"Name {chosen.randrange(50)}",
                    "custom_fields": {"score": chosen.randrange(1_000)},
                }
                session.post(f"{server.url}/v1/contacts", json=body, timeout=30)
                time.sleep(0.04)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def source_of(server: RunningServer) -> Copy:
    found: Copy = {}
    url = "/v1/contacts?limit=100&cursor=start&include=custom_fields,updated_at"
    while url:
        page = server.get(url.removeprefix(server.url))
        found |= {each["id"]: each for each in page.json()["contacts"]}
        url = page.links.get("next", {}).get("url", "")
    return found


def singer(folder: Path, copy: Copy) -> None:
    """Run the tap from the state of its last run, and apply what it prints."""
    bin = virtual_environment("singer-sdk==0.54.9")
    state = folder / "state.json"
    more = ["--state", str(state)] if state.exists() else []
    command = (bin / "python", PROGRAMS / "singer_tap.py", "--config", folder / "config.json")
    for line in run(*command, *more).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            copy[message["record"]["id"]] = message["record"]
        elif message["type"] == "STATE":
            state.write_text(json.dumps(message["value"]))


def airbyte(folder: Path, copy: Copy) -> None:
    """Run the source from the state of its last run, and apply what it prints."""
    bin = virtual_environment("airbyte-cdk==7.39.1")
    state, catalog = folder / "state.json", folder / "catalog.json"
    catalog.write_text(json.dumps(CATALOG))
    more = ["--state", str(state)] if state.exists() else []
    program = (bin / "python", PROGRAMS / "airbyte_source.py", "read")
    given = ("--config", folder / "config.json", "--catalog", catalog)
    for line in run(*program, *given, *more).splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            copy[message["record"]["data"]["id"]] = message["record"]["data"]
        elif message["type"] == "STATE":
            state.write_text(json.dumps([message["state"]]))


def rows(copy: Copy) -> Copy:
    """Return a copy with every field: Airbyte leaves out those that are null."""
    return {id: {name: each.get(name) for name in FIELDS} for id, each in copy.items()}


@pytest.mark.parametrize("sync", [singer, airbyte])
def test_ends_with_a_copy_equal_to_the_source(
    start_server: StartServer, tmp_path: Path, sync: Sync
) -> None:
    server = start_server()
    (tmp_path / "config.json").write_text(json.dumps({"url": server.url, "key": server.key}))
    copy: Copy = {}
    with writers(server):
        sync(tmp_path, copy)
        wait_until(lambda: len(source_of(server)) > 100)
        for _ in range(2):
            sync(tmp_path, copy)
        assert copy
        wait_until(lambda: rows(copy) != source_of(server))
    source = source_of(server)
    sync(tmp_path, copy)
    assert rows(copy) == source
