"""Acknowledged writes survive kill -9; a full disk and a locked store reject writes."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import RunningServer, StartServer, store_faults, wait_for_workers, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CLIENTS = 4


@dataclass
class Writer:
    """A client that posts new contacts and rewrites one of its own, until it is stopped."""

    number: int
    acknowledged: dict[str, int] = field(default_factory=dict)
    attempted: dict[str, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self, server: RunningServer) -> None:
        with server.session() as session:
            while not self.stopped.is_set():
                n = len(self.attempted)
                self._post(session, server.url, self._phone(n), n)
                self._post(session, server.url, self._phone(0), n)

    def _phone(self, n: int) -> str:
        return f"9188{self.number}{n:07d}"

    def _post(self, session: requests.Session, url: str, phone: str, n: int) -> None:
        self.attempted[phone] = n
        try:
            answer = session.post(f"{url}/v1/contacts", json=_contact(phone, n), timeout=30)
        except requests.RequestException:
            self.stopped.wait(0.05)
        else:
            if answer.status_code in (200, 201):
                self.acknowledged[phone] = n


def _contact(phone: str, n: int) -> dict[str, Any]:
    return {
        "phone": phone,
        "first_name": f"name {n}",
        "tags": [f"tag {n % 7}", "all"],
        "custom_fields": {"n": n, "even": n % 2 == 0, "text": f"value {n}"},
    }


@contextmanager
def _writing(writers: list[Writer], server: RunningServer) -> Iterator[None]:
    threads = [threading.Thread(target=writer.run, args=[server]) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.stopped.set()
        for thread in threads:
            thread.join(60)
        for writer in writers:
            writer.stopped.clear()


def _stored(server: RunningServer) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with server.session() as session:
        total = 1
        while len(found) < total:
            query: dict[str, Any] = {"limit": 100, "offset": len(found), "include": "custom_fields"}
            page = session.get(f"{server.url}/v1/contacts", params=query, timeout=30).json()
            total = page["pagination"]["total"]
            found |= {contact["phone"]: contact for contact in page["contacts"]}
            assert page["contacts"] or len(found) == total
    return found


def _assert_nothing_is_lost(server: RunningServer, writers: list[Writer]) -> None:
    stored = _stored(server)
    for writer in writers:
        for phone, n in writer.acknowledged.items():
            assert phone in stored
            contact = stored[phone]
            # A post without a response may be stored or not.
            assert n <= contact["custom_fields"]["n"] <= writer.attempted[phone]
            expected = _contact(phone, contact["custom_fields"]["n"])
            assert {name: contact[name] for name in expected} == expected
    assert store_faults(server.data / "contacts.db") == []


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.soak)])
def test_a_killed_worker_loses_no_acknowledged_write(
    start_server: StartServer, rounds: int
) -> None:
    server = start_server()
    writers = [Writer(number) for number in range(CLIENTS)]
    with _writing(writers, server):
        for _ in range(rounds):
            time.sleep(0.6)
            killed = server.workers()[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda killed=killed: killed not in server.workers())
        wait_until(lambda: len(server.workers()) == 2)
        seen = sum(len(writer.acknowledged) for writer in writers)
        wait_until(lambda: sum(len(writer.acknowledged) for writer in writers) > seen + 20)
    _assert_nothing_is_lost(server, writers)


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.soak)])
def test_a_killed_server_loses_no_acknowledged_write(
    start_server: StartServer, rounds: int
) -> None:
    writers = [Writer(number) for number in range(CLIENTS)]
    for round in range(1, rounds + 1):
        server = start_server()
        with _writing(writers, server):
            wait_until(lambda: min(len(each.acknowledged) for each in writers) > 10 * round)  # noqa: B023
            server.stop(signal.SIGKILL)
    server = start_server()
    _assert_nothing_is_lost(server, writers)
    assert server.post(phone="+91 88568 79188").status_code == 201


def test_files_are_readable_by_the_owner_only(start_server: StartServer, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    server = start_server(data=folder)
    server.post(phone="918856879188")
    found = [path for path in folder.rglob("*") if path.is_file()]
    modes = {path.name: path.stat().st_mode & 0o777 for path in found}
    assert (folder / "metrics").stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {"contacts.db", "contacts.db-wal", "first-admin-key"} <= modes.keys()
    assert modes == dict.fromkeys(modes, 0o600)


@dataclass
class FullDisk:
    """A file system of 6 MiB; `fill` leaves no room on it, `free` gives it back."""

    folder: Path

    def fill(self, server: RunningServer) -> None:
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (65_536, 4_096, 512, 1):
                while _has_written(filler, bytes(size)):
                    pass

    def free(self, server: RunningServer) -> None:
        (self.folder / "filler").unlink()


def _has_written(file: Any, data: bytes) -> bool:
    try:
        return bool(file.write(data) == len(data))
    except OSError:
        return False


@dataclass
class FileSizeLimit:
    """A full disk by a limit on the size of the server's files, which needs no privilege."""

    folder: Path

    def fill(self, server: RunningServer) -> None:
        # Room for the index of a log (32 KiB), not for a log of more than nine pages.
        self._limit(server, 40_000)

    def free(self, server: RunningServer) -> None:
        self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: RunningServer, size: int) -> None:
        wait_for_workers(server)
        for pid in [server.process.pid, *server.workers()]:
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.fixture(params=["full disk", "file size limit"])
def scarce(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullDisk | FileSizeLimit]:
    folder = tmp_path / "small"
    folder.mkdir()
    if request.param == "file size limit":
        yield FileSizeLimit(folder)
        return
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "contacts-test", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("may not mount a file system here")
    yield FullDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_allows_reads_and_rejects_writes_until_there_is_room(
    scarce: FullDisk | FileSizeLimit, start_server: StartServer
) -> None:
    server = start_server(data=scarce.folder / "data")
    for n in range(900, 910):
        assert _post_new(server, n).status_code == 201
    scarce.fill(server)
    refused = _post_until_refused(server)
    assert refused.status_code in (503, 507)
    assert refused.json()["error"]["code"] in ("unavailable", "insufficient_storage")
    # A check is repeated after a second, and a small one may still find room at first.
    wait_until(lambda: server.get("/readyz").status_code in (503, 507))
    before = server.get().json()["pagination"]["total"]
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda n: _post_new(server, n), range(500, 516)))
    assert {answer.status_code for answer in answers} <= {503, 507}
    assert server.get().json()["pagination"]["total"] == before
    scarce.free(server)
    for n in range(600, 612):
        assert _post_new(server, n).status_code == 201
    assert server.get().json()["pagination"]["total"] == before + 12
    assert server.get("/readyz").status_code == 200
    assert store_faults(server.data / "contacts.db") == []


def _post_new(server: RunningServer, n: int) -> requests.Response:
    return server.post(phone=f"9188{n:08d}", custom_fields={"text": "x" * 4_000})


def _post_until_refused(server: RunningServer) -> requests.Response:
    """Post until a contact is rejected: the store's own files still have room."""
    for n in range(400):
        answer = _post_new(server, n)
        if answer.status_code != 201:
            return answer
    raise AssertionError("the store never ran out of room")


@pytest.mark.soak
def test_writes_to_a_store_locked_by_another_program_return_503_in_time(
    start_server: StartServer,
) -> None:
    server = start_server()
    assert server.post(phone="918856879188").status_code == 201
    with (
        closing(sqlite3.connect(server.data / "contacts.db", isolation_level=None)) as other,
        ThreadPoolExecutor(9) as clients,
    ):
        other.execute("BEGIN IMMEDIATE")
        posts = [clients.submit(_timed, lambda n=n: _post_new(server, n)) for n in range(8)]
        time.sleep(0.5)
        reading = clients.submit(_timed, server.get)
        outcomes = [post.result() for post in posts]
        read, read_seconds = reading.result()
        other.execute("ROLLBACK")
    for answer, _ in outcomes:
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert int(answer.headers["Retry-After"]) >= 1
    assert max(seconds for _, seconds in outcomes) < 11
    assert read.status_code == 200
    assert read_seconds < 11
    assert {_post_new(server, n).status_code for n in range(8)} == {201}


@pytest.mark.soak
def test_a_worker_that_dies_while_the_store_is_locked_is_replaced(
    start_server: StartServer,
) -> None:
    server = start_server()
    assert server.post(phone="918856879188").status_code == 201
    wait_for_workers(server)
    with closing(sqlite3.connect(server.data / "contacts.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        with ThreadPoolExecutor(1) as client:
            reading = client.submit(_timed, server.get)
            time.sleep(7)
            other.execute("ROLLBACK")
            answer, seconds = reading.result()
    assert server.process.poll() is None
    assert answer.status_code == 200
    assert seconds < 5
    assert _post_new(server, 1).status_code == 201


@pytest.mark.soak
def test_reads_are_not_held_up_by_a_locked_store(start_server: StartServer) -> None:
    server = start_server()
    assert server.post(phone="918856879188").status_code == 201
    with closing(sqlite3.connect(server.data / "contacts.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(20):
            answer, seconds = _timed(server.get)
            assert answer.status_code == 200
            assert seconds < 1


def _timed(call: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started
