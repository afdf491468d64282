"""Imports and exports on a real server: slow and truncated uploads, other writes, slow readers."""

import json
import socket
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.conftest import RunningServer, StartServer, store_faults, wait_until

JOHN = "14155552671"
ROWS = 12_000


@pytest.fixture
def server(start_server: StartServer) -> RunningServer:
    return start_server()


def file(count: int, *, first: int = 0) -> bytes:
    lines = [
        f"9188{number:08},Priya{number},Lead;tag{number % 9},{number}"
        for number in range(first, first + count)
    ]
    return ("phone,first_name,tags,custom_fields.n\n" + "\n".join(lines) + "\n").encode()


def total(server: RunningServer) -> int:
    return int(server.get(limit=1).json()["pagination"]["total"])


def connect(server: RunningServer, *headers: str) -> socket.socket:
    """Send the head of an upload."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0), timeout=60)
    head = ["POST /v1/contacts/import HTTP/1.1", "Host: x", f"Authorization: Bearer {server.key}"]
    head += ["Content-Type: text/csv", *headers]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    return connection


def slow_reader(server: RunningServer) -> HTTPConnection:
    """Connect with a receive buffer so small that what is not read stays on the server."""
    connection = HTTPConnection(urlsplit(server.url).netloc)
    connection.sock = socket.socket()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.sock.settimeout(60)
    connection.sock.connect((connection.host, connection.port))
    return connection


def answer(connection: socket.socket) -> tuple[int, dict[str, object]]:
    received = b""
    while piece := connection.recv(65_536):
        received += piece
        head, end, body = received.partition(b"\r\n\r\n")
        if end and body.endswith(b"}\n"):
            return int(head.split(b" ", 2)[1]), json.loads(body)
    raise AssertionError(f"incomplete response: {received!r}")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_truncated_upload_stores_nothing(server: RunningServer, chunked: bool) -> None:
    rows = 3_000
    data = file(rows)
    part = data[: len(data) // 2]
    if chunked:
        header, part = "Transfer-Encoding: chunked", b"%x\r\n%s" % (len(data), part)
    else:
        header = f"Content-Length: {len(data)}"
    with connect(server, header) as connection:
        connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        status, body = answer(connection)
    assert status == 400
    error = body["error"]
    assert isinstance(error, dict) and error["code"] == "bad_request"
    assert error["details"]["report"]["created"] == total(server) == 0
    with server.session() as session:
        url = f"{server.url}/v1/contacts/import"
        again = session.post(url, data=data, headers={"Content-Type": "text/csv"}, timeout=60)
    assert again.json()["report"]["created"] == total(server) == rows
    assert server.stop() == 0
    assert store_faults(server.data / "contacts.db") == []


@pytest.mark.soak
def test_accepts_a_slow_upload(server: RunningServer) -> None:
    """The upload takes longer than any other request may, without a long pause."""
    data = file(6_000)
    step = len(data) // 14 + 1
    with connect(server, f"Content-Length: {len(data)}") as connection:
        for start in range(0, len(data), step):
            connection.sendall(data[start : start + step])
            time.sleep(0.9)
        status, body = answer(connection)
    assert status == 200, body
    assert total(server) == 6_000


@pytest.mark.soak
def test_an_upload_that_stalls_is_rejected(server: RunningServer) -> None:
    with connect(server, "Content-Length: 1000") as connection:
        connection.sendall(b"phone\n")
        started = time.monotonic()
        status, _ = answer(connection)
    assert status == 400
    assert time.monotonic() - started < 20
    assert total(server) == 0


def test_a_rejection_does_not_wait_for_the_upload(server: RunningServer) -> None:
    with connect(server, f"Content-Length: {2**30 + 1}") as connection:
        assert answer(connection)[0] == 413
    with server.session() as session:
        data = b"phone\n" + b"12\n" * 2_000_000
        url = f"{server.url}/v1/contacts/import?map=Mobile"
        refused = session.post(url, data=data, headers={"Content-Type": "text/csv"}, timeout=60)
    assert refused.status_code == 422


@pytest.mark.soak
def test_other_requests_write_during_an_import(server: RunningServer) -> None:
    """During two imports nine of ten writes take less than a second, and none three seconds."""
    url = f"{server.url}/v1/contacts/import"
    reports: list[dict[str, int]] = []

    def import_(first: int) -> None:
        with server.session() as session:
            data, headers = file(ROWS, first=first), {"Content-Type": "text/csv"}
            reports.append(
                session.post(url, data=data, headers=headers, timeout=120).json()["report"]
            )

    server.post(phone=JOHN)
    imports = [threading.Thread(target=import_, args=[first]) for first in (0, ROWS // 2)]
    for each in imports:
        each.start()
    waits = []
    with server.session() as session:
        while any(each.is_alive() for each in imports):
            started = time.monotonic()
            body = {"phone": JOHN, "custom_fields": {"n": len(waits)}}
            assert session.post(f"{server.url}/v1/contacts", json=body, timeout=30).ok
            waits.append(time.monotonic() - started)
            time.sleep(0.02)
    waits.sort()
    assert len(waits) > 10
    assert waits[len(waits) * 9 // 10] < 1, f"{waits[-5:]}"
    assert waits[-1] < 3, f"{waits[-5:]}"
    assert [each["rejected"] for each in reports] == [0, 0]
    assert total(server) == ROWS + ROWS // 2 + 1
    assert server.stop() == 0
    assert store_faults(server.data / "contacts.db") == []


def test_an_export_continues_during_writes(server: RunningServer) -> None:
    with server.session() as session:
        url, headers = f"{server.url}/v1/contacts", {"Content-Type": "text/csv"}
        note = "x" * 4_000  # Some 12 MB in all, more than a socket takes in.
        rows = "".join(f"9188{number:08},{note}\n" for number in range(3_000))
        data = f"phone,custom_fields.note\n{rows}"
        assert session.post(f"{url}/import", data=data, headers=headers, timeout=120).ok
    with closing(slow_reader(server)) as connection:
        auth = {"Authorization": f"Bearer {server.key}"}
        connection.request("GET", "/v1/contacts/export?format=jsonl", headers=auth)
        lines = connection.getresponse()
        found = [json.loads(next(lines))["phone"]]
        assert server.post(phone=JOHN).status_code == 201
        with server.session() as other:
            assert other.delete(f"{url}/918800000000", timeout=60).ok
        found += [json.loads(line)["phone"] for line in lines]
    assert found == [*(f"9188{number:08}" for number in range(3_000)), JOHN]


def test_an_export_frees_its_thread_when_the_client_disconnects(server: RunningServer) -> None:
    with server.session() as session:
        url, headers = f"{server.url}/v1/contacts", {"Content-Type": "text/csv"}
        session.post(f"{url}/import", data=file(ROWS), headers=headers, timeout=120)
        for _ in range(12):
            session.get(f"{url}/export", stream=True, timeout=60).close()
    wait_until(lambda: server.get("/v1/contacts/export").status_code == 200)
    assert server.post(phone=JOHN).status_code == 201


def test_slow_readers_of_exports_leave_threads_for_other_requests(server: RunningServer) -> None:
    note = "x" * 4_000  # Some 8 MB in all, more than a socket takes in.
    rows = "".join(f"9188{number:08},{note}\n" for number in range(2_000))
    upload = connect(server, f"Content-Length: {len(rows) + 25}", "Connection: close")
    upload.sendall(f"phone,custom_fields.note\n{rows}".encode())
    assert answer(upload)[0] == 200
    upload.close()
    address = urlsplit(server.url)
    slow, begun = [], []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(60)
        connection.connect((address.hostname, address.port))
        head = f"GET /v1/contacts/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}"
        connection.sendall(f"{head}\r\n\r\n".encode())
        slow.append(connection)
        begun.append(connection.recv(12))
    assert set(begun) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
    assert server.get("/v1/status").elapsed.total_seconds() < 5
    for connection in slow:
        connection.close()
    wait_until(lambda: server.get("/v1/contacts/export").status_code == 200)


@pytest.mark.parametrize(("query", "is_whole"), [("", True), ("?stop_on_disconnect=true", False)])
def test_an_import_ends_with_its_connection_only_if_asked(
    start_server: StartServer, query: str, is_whole: bool
) -> None:
    server = start_server(environ={"CONTACTS_LOG_LEVEL": "info"})
    body = file(ROWS)
    with closing(HTTPConnection(urlsplit(server.url).netloc)) as connection:
        headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "text/csv"}
        connection.request("POST", f"/v1/contacts/import{query}", body, headers)
        wait_until(lambda: total(server) > 0)
    assert server.log
    log = server.log
    wait_until(lambda: "/v1/contacts/import" in log.read_text())
    assert (total(server) == ROWS) == is_whole
    assert total(server) % 1_000 == 0
