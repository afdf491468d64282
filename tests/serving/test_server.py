"""A real server: requests, keys, workers, and how it stops, reloads and restarts."""

import http.client
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
import requests

from app.serving.server import bracketed
from tests.conftest import (
    RunningServer,
    StartServer,
    clean_environ,
    run_contacts,
    store_faults,
    wait_for_workers,
    wait_until,
)

PHONE = "918856879188"


def test_serves_a_contact(start_server: StartServer) -> None:
    server = start_server()
    answer = server.post(phone="+91 88568 79188", first_name="Priya", tags=["Lead"])
    assert answer.status_code == 201
    assert server.get(tag="Lead").json()["contacts"][0]["id"] == "cnt_918856879188"
    assert server.stop() == 0


def test_finishes_a_request_in_flight_when_stopped(start_server: StartServer) -> None:
    server = start_server()
    for _ in range(10):
        assert _status(server, server.key) == 200
    body = b'{"phone": "918856879188", "first_name": "Priya"}'
    with _connect(server) as client:
        client.sendall(_head(server, len(body)) + body[:20])
        time.sleep(0.5)
        server.process.terminate()
        time.sleep(0.5)
        client.sendall(body[20:])
        answer = client.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert server.process.wait(20) == 0
    again = start_server()
    assert [each["phone"] for each in again.get().json()["contacts"]] == [PHONE]


def test_stops_on_ctrl_c(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    assert server.get().status_code == 200
    assert server.stop(signal.SIGINT) == 0
    assert (tmp_path / "server-0.log").read_text() == ""


def _connect(server: RunningServer) -> socket.socket:
    where = urlsplit(server.url)
    assert where.hostname
    assert where.port
    return socket.create_connection((where.hostname, where.port), 20)


def _head(server: RunningServer, length: int) -> bytes:
    return (
        "POST /v1/contacts HTTP/1.1\r\nHost: contacts\r\nConnection: close\r\n"
        f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


SLOW_WORKERS = """
import time
from app.serving import server
from app.cli import main

def start_late(worker, start=server.Worker.init_process):
    time.sleep(1)
    start(worker)

server.Worker.init_process = start_late
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_stops_within_10_seconds_while_its_workers_start(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_WORKERS, "serve", "--port", "0", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environ(),
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("First admin key")
        server = RunningServer(process, "", tmp_path, "")
        wait_until(lambda: len(server.workers()) == 2)
        process.terminate()
        try:
            assert process.wait(10) == 0
        finally:
            if process.poll() is None:
                server.stop(signal.SIGKILL)


def test_keeps_contacts_over_a_restart(start_server: StartServer) -> None:
    first = start_server()
    first.post(phone=PHONE, first_name="Priya", custom_fields={"plan": "pro"})
    before = first.get(include="custom_fields,updated_at").json()
    assert first.stop() == 0
    again = start_server()
    assert again.key == first.key
    assert again.get(include="custom_fields,updated_at").json() == before


def test_a_stopped_server_leaves_one_complete_file(start_server: StartServer) -> None:
    server = start_server()
    server.post(phone=PHONE)
    assert server.stop() == 0
    wal = server.data / "contacts.db-wal"
    assert not wal.exists() or wal.stat().st_size == 0
    assert store_faults(server.data / "contacts.db") == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_reloads_on_hup_without_failing_a_request(start_server: StartServer) -> None:
    server = start_server()
    wait_for_workers(server)
    over, posted = Event(), [0] * 4

    def is_reloaded(before: set[int]) -> bool:
        return len(server.workers()) == 2 and not before & set(server.workers())

    with ThreadPoolExecutor(4) as clients:
        posting = [clients.submit(_post_until, over, server, n, posted) for n in range(4)]
        try:
            for _ in range(2):
                before, enough = set(server.workers()), min(posted) + 10
                wait_until(lambda: min(posted) > enough)  # noqa: B023
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda: is_reloaded(before))  # noqa: B023
        finally:
            over.set()
        for each in posting:
            each.result()
    assert server.get().json()["pagination"]["total"] == sum(posted)


def _post_until(over: Event, server: RunningServer, client: int, posted: list[int]) -> None:
    """Post new contacts and count them; clients with an odd number open a connection for each."""
    with server.session() as session:
        while not over.is_set():
            headers = {"Connection": "close"} if client % 2 else {}
            body = {"phone": f"9188{client}{posted[client]:07d}"}
            url = f"{server.url}/v1/contacts"
            answer = session.post(url, json=body, headers=headers, timeout=20)
            assert answer.status_code == 201, answer.text
            posted[client] += 1


def test_each_worker_stays_on_a_cpu_of_its_own_if_there_are_as_many(
    start_server: StartServer,
) -> None:
    cpus = os.sched_getaffinity(0)
    two = set(sorted(cpus)[:2])
    os.sched_setaffinity(0, two)
    try:
        server = start_server("--workers", str(len(two)))
    finally:
        os.sched_setaffinity(0, cpus)

    def has_one_on_each() -> bool:
        found = [os.sched_getaffinity(pid) for pid in server.workers()]
        return len(found) == len(two) and all({cpu} in found for cpu in two)

    wait_until(has_one_on_each)
    killed = server.workers()[0]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in server.workers() and has_one_on_each())


@pytest.mark.soak
def test_workers_share_connections_that_clients_keep(start_server: StartServer) -> None:
    server = start_server("--workers", "2", "--threads", "4")
    wait_until(lambda: len(server.workers()) == 2)
    before = [sockets(pid) for pid in server.workers()]

    def gained() -> list[int]:
        after = [sockets(pid) for pid in server.workers()]
        return [now - then for now, then in zip(after, before, strict=True)]

    with ThreadPoolExecutor(20) as pool, ExitStack() as kept:

        def ask(_: object = None) -> None:
            session = kept.enter_context(requests.Session())
            assert session.get(f"{server.url}/healthz").status_code == 200

        while not all(gained()):  # Both accept connections.
            ask()
        first = gained()
        list(pool.map(ask, range(20)))
        assert min(now - then for now, then in zip(gained(), first, strict=True)) >= 4


def sockets(pid: int) -> int:
    files = Path(f"/proc/{pid}/fd").iterdir()
    return sum(each.readlink().name.startswith("socket:") for each in files)


def test_workers_use_all_cpus_if_there_are_more_cpus(start_server: StartServer) -> None:
    cpus = os.sched_getaffinity(0)
    server = start_server("--workers", "1")
    wait_until(lambda: len(server.workers()) == 1)
    wait_until(lambda: server.get().status_code == 200)
    assert os.sched_getaffinity(server.workers()[0]) == cpus


def test_makes_no_control_socket(start_server: StartServer, tmp_path: Path) -> None:
    places = {"HOME": tmp_path / "home", "XDG_RUNTIME_DIR": tmp_path / "run"}
    for place in places.values():
        place.mkdir()
    server = start_server(environ={name: str(place) for name, place in places.items()})
    assert server.get().status_code == 200
    found = [path for place in places.values() for path in place.rglob("*")]
    assert found == []
    assert not [path for path in server.data.iterdir() if path.is_socket()]


def test_responds_to_head_and_options(server: RunningServer) -> None:
    where = urlsplit(server.url)
    headers = {"Authorization": f"Bearer {server.key}"}
    with closing(http.client.HTTPConnection(where.netloc, timeout=20)) as client:
        client.request("HEAD", "/v1/contacts", headers=headers)
        head = client.getresponse()
        assert (head.status, head.read()) == (200, b"")
        assert int(head.headers["Content-Length"]) > 0
        client.request("OPTIONS", "/v1/contacts")
        options = client.getresponse()
        assert (options.status, options.read()) == (204, b"")
        assert {"GET", "POST", "HEAD", "OPTIONS"} <= set(options.headers["Allow"].split(", "))
        client.request("GET", "/healthz")
        assert client.getresponse().status == 200


def test_serves_many_requests_on_one_connection(server: RunningServer) -> None:
    where = urlsplit(server.url)
    headers = {"Authorization": f"Bearer {server.key}"}
    with closing(http.client.HTTPConnection(where.netloc, timeout=20)) as client:
        used = set()
        for _ in range(20):
            client.request("GET", "/v1/contacts", headers=headers)
            answer = client.getresponse()
            answer.read()
            assert answer.status == 200
            assert client.sock
            used.add(client.sock.getsockname())
    assert len(used) == 1


def test_port_0_takes_a_free_one_for_each_server(start_server: StartServer, tmp_path: Path) -> None:
    servers = [start_server(data=tmp_path / name) for name in ("one", "other")]
    ports = {urlsplit(server.url).port for server in servers}
    assert len(ports) == 2
    servers[0].post(phone=PHONE)
    assert [server.get().json()["pagination"]["total"] for server in servers] == [1, 0]


def test_a_revoked_key_is_rejected_by_every_worker_within_a_second(server: RunningServer) -> None:
    secret = _create_key(server, "--label", "soon gone")
    [revoked_id] = [
        line.split()[0]
        for line in run_contacts("keys", "list", "--data", server.data).stdout.splitlines()
        if "soon gone" in line
    ]
    for _ in range(20):
        assert _status(server, secret) == 200
    run_contacts("keys", "revoke", revoked_id, "--data", server.data)
    revoked = time.monotonic()
    while time.monotonic() < revoked + 1:
        _status(server, secret)
    assert {_status(server, secret) for _ in range(60)} == {401}
    assert _status(server, server.key) == 200


def test_a_key_created_by_command_works_on_a_running_server(server: RunningServer) -> None:
    secret = _create_key(server, "--label", "reader", "--scope", "contacts:read")
    assert {_status(server, secret) for _ in range(20)} == {200}
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {secret}"
        answer = session.post(f"{server.url}/v1/contacts", json={"phone": PHONE}, timeout=20)
    assert answer.status_code == 403


def test_a_key_is_rejected_once_expired(server: RunningServer) -> None:
    secret = _create_key(server, "--label", "short", "--expires-in", "3s")
    assert _status(server, secret) == 200
    wait_until(lambda: _status(server, secret) == 401)
    assert {_status(server, secret) for _ in range(20)} == {401}


def _create_key(server: RunningServer, *options: str) -> str:
    made = run_contacts("keys", "create", *options, "--data", server.data)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def _status(server: RunningServer, secret: str) -> int:
    """Return the status of a request with a key, on a new connection."""
    headers = {"Authorization": f"Bearer {secret}", "Connection": "close"}
    return requests.get(f"{server.url}/v1/contacts", headers=headers, timeout=20).status_code


def test_the_first_start_logs_the_path_of_the_key_only(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    assert server.process.stdout
    server.stop()
    result = server.process.stdout.read() + (tmp_path / "server-0.log").read_text()
    assert server.key not in result
    assert f"$(cat {server.data / 'first-admin-key'})" in result


def test_later_starts_show_no_key(tmp_path: Path) -> None:
    run_contacts("keys", "create", "--label", "mine", "--data", tmp_path)
    with _serving(tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout
        shown = [process.stdout.readline() for _ in range(7)]
        _wait_until_it_serves(shown[0])
        process.terminate()
        shown.append(process.stdout.read())
    assert "ak_live_" not in "".join(shown)
    assert "contacts keys create" in shown[5]
    assert not (tmp_path / "first-admin-key").exists()


def test_the_first_key_is_printed_on_a_terminal_and_not_stored(tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    try:
        with _serving(tmp_path, stdout=inside) as process:
            shown = _read_until(terminal, lambda text: "Priya" in text)
            _wait_until_it_serves(shown)
            process.terminate()
    finally:
        os.close(terminal)
        os.close(inside)
    keys = set(re.findall(r"ak_live_[\w-]{43}", shown))
    assert len(keys) == 1
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert keys.pop().encode() not in stored


def _serving(data: Path, stdout: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", "--data", str(data)],
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        text=True,
        env=clean_environ(),
    )


def _wait_until_it_serves(result: str) -> None:
    found = re.search(r"Contacts service on (http://\S+),", result)
    assert found
    assert requests.get(f"{found[1]}/healthz", timeout=20).status_code == 200


def _read_until(terminal: int, is_enough: Callable[[str], bool]) -> str:
    text = ""
    while not is_enough(text):
        text += os.read(terminal, 4_096).decode()
    return text


def test_stops_cleanly_after_its_folder_was_removed(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server()
    assert server.post(phone=PHONE).status_code == 201
    server.data.rename(tmp_path / "elsewhere")
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: server.get(), range(24)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert server.stop() == 0
    assert "Traceback" not in (tmp_path / "server-0.log").read_text()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("::1", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("localhost", "localhost")],
)
def test_brackets_an_ipv6_host(host: str, shown: str) -> None:
    assert bracketed(host) == shown
