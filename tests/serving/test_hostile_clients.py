"""Clients that disconnect, stall or send invalid HTTP."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import RunningServer, StartServer, wait_for_workers

PHONE = "918856879188"
BODY = b'{"phone": "918856879188", "first_name": "Priya"}'
HELD = 16


def _connect(server: RunningServer) -> socket.socket:
    where = urlsplit(server.url)
    assert where.hostname
    assert where.port
    return socket.create_connection((where.hostname, where.port), 25)


def _head(server: RunningServer, *more: str, target: str = "/v1/contacts") -> bytes:
    lines = [
        f"POST {target} HTTP/1.1",
        "Host: contacts",
        f"Authorization: Bearer {server.key}",
        "Content-Type: application/json",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _exchange(server: RunningServer, *parts: bytes, finish: bool = True) -> bytes:
    """Send the parts, shut down sending if `finish`, and return the response."""
    answer = b""
    with _connect(server) as client, suppress(ConnectionResetError, BrokenPipeError):
        for part in parts:
            client.sendall(part)
        if finish:
            client.shutdown(socket.SHUT_WR)
        while received := client.recv(65_536):
            answer += received
    return answer


def _status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer
    return int(found[1])


def _error(answer: bytes) -> dict[str, Any]:
    """Check that a response is an error envelope, and return its error."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    envelope: dict[str, Any] = json.loads(body)
    assert envelope["success"] is False
    assert {"code", "message", "request_id"} <= envelope["error"].keys()
    assert envelope["error"]["request_id"].encode() in head
    error: dict[str, Any] = envelope["error"]
    return error


def _total(server: RunningServer) -> int:
    total: int = server.get().json()["pagination"]["total"]
    return total


def _log(server: RunningServer) -> str:
    assert server.log
    return server.log.read_text()


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def test_stores_nothing_of_a_body_cut_short(
    server: RunningServer, subtests: pytest.Subtests
) -> None:
    chunked = _head(server, "Transfer-Encoding: chunked")
    cut = {
        "whole JSON in half a body": (_head(server, "Content-Length: 90"), BODY),
        "13 of 50 bytes": (_head(server, "Content-Length: 50"), BODY[:13]),
        "no body at all": (_head(server, "Content-Length: 50"),),
        "no last chunk": (chunked, _chunked(BODY, end=b"")),
        "half a chunk": (chunked, b"60\r\n" + BODY),
        "half a last chunk": (chunked, _chunked(BODY, end=b"0\r\n")),
    }
    for name, parts in cut.items():
        with subtests.test(name):
            answer = _exchange(server, *parts)
            assert answer == b"" or (_status(answer) == 400 and _error(answer))
            assert _total(server) == 0


def test_reads_a_chunked_body_to_its_end(server: RunningServer) -> None:
    head = _head(server, "Transfer-Encoding: chunked", "Connection: close")
    assert _status(_exchange(server, head, _chunked(BODY[:20], BODY[20:]))) == 201
    assert server.get().json()["contacts"][0]["first_name"] == "Priya"


def test_refuses_a_body_over_the_limit_however_it_is_sent(
    start_server: StartServer, subtests: pytest.Subtests
) -> None:
    server = start_server(environ={"CONTACTS_MAX_BODY_BYTES": "65536"})
    text = BODY[:-1] + b', "last_name": "' + b" " * 70_000
    body = text[: 70_000 - 2] + b'"}'
    sent = {
        "declared": (_head(server, "Content-Length: 70000", "Connection: close"), body),
        "in one chunk": (_chunked_head(server), _chunked(body)),
        "in many chunks": (
            _chunked_head(server),
            _chunked(*(body[at : at + 1_000] for at in range(0, len(body), 1_000))),
        ),
        # What was read up to the limit is whole JSON by itself.
        "after whole JSON": (_chunked_head(server), _chunked(BODY.ljust(65_536), b" " * 4_464)),
    }
    for name, parts in sent.items():
        with subtests.test(name):
            answer = _exchange(server, *parts, finish=False)
            assert _status(answer) == 413
            assert _error(answer)["code"] == "payload_too_large"
            assert _total(server) == 0
    with subtests.test("the largest that is taken"):
        answer = _exchange(server, _chunked_head(server), _chunked(BODY.ljust(65_536)))
        assert _status(answer) == 201


def test_a_header_does_not_change_the_path(server: RunningServer) -> None:
    for header in ("PATH_INFO: /v1/contacts", "SCRIPT_NAME: /v1"):
        head = _head(server, header, f"Content-Length: {len(BODY)}", target="/v1/status")
        assert _status(_exchange(server, head, BODY)) == 405
    assert _total(server) == 0


def _chunked_head(server: RunningServer) -> bytes:
    return _head(server, "Transfer-Encoding: chunked", "Connection: close")


@pytest.mark.soak
def test_serves_others_while_stalled_clients_hold_every_thread(
    start_server: StartServer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    kinds = ("half headers", "half bodies", "silent")
    one = {"CONTACTS_WORKERS": "1"}  # All clients are on the threads of one worker.
    servers = [start_server(data=tmp_path / kind.replace(" ", "-"), environ=one) for kind in kinds]
    with ThreadPoolExecutor(len(kinds)) as clients:
        waited = list(clients.map(_seconds_behind_stalled_clients, servers, kinds))
    for kind, seconds in zip(kinds, waited, strict=True):
        with subtests.test(kind):
            assert seconds <= 20
    for number in range(len(servers)):
        assert "Traceback" not in (tmp_path / f"server-{number}.log").read_text()


def _seconds_behind_stalled_clients(server: RunningServer, kind: str) -> float:
    """Return how long the slowest of four ordinary requests takes, 30 for any longer."""
    sent = {
        "half headers": _head(server, "Content-Length: 50")[:-20],
        "half bodies": _head(server, "Content-Length: 50") + BODY[:13],
        "silent": b"",
    }[kind]
    wait_for_workers(server, 1)
    with ExitStack() as held, ThreadPoolExecutor(4) as clients:
        for _ in range(HELD):
            held.enter_context(_connect(server)).sendall(sent)
        time.sleep(0.5)
        return max(clients.map(_seconds_to_answer, [server] * 4))


def _seconds_to_answer(server: RunningServer) -> float:
    started = time.monotonic()
    try:
        assert server.get().status_code == 200
    except requests.Timeout:
        return 30
    return time.monotonic() - started


def _malformed(server: RunningServer) -> Iterator[tuple[str, bytes]]:
    key = f"Authorization: Bearer {server.key}\r\n"
    start = f"POST /v1/contacts HTTP/1.1\r\nHost: contacts\r\n{key}".encode()
    json_type = b"Content-Type: application/json\r\n"
    yield "no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00" + key.encode() + b"\r\n\r\n"
    yield "key as request line", f"{key}\r\n".encode()
    yield "key in a bad request line", f"GET /{server.key} and more HTTP/9\r\n\r\n".encode()
    yield "bad version", f"GET /v1/contacts HTTP/one\r\n{key}\r\n".encode()
    yield "bad method", f"GE<T /v1/contacts HTTP/1.1\r\n{key}\r\n".encode()
    yield "space before a colon", f"GET / HTTP/1.1\r\nAuthorization : {server.key}\r\n\r\n".encode()
    yield "no colon", f"GET / HTTP/1.1\r\nAuthorization {server.key}\r\n\r\n".encode()
    yield "bare line feeds", f"GET /v1/contacts HTTP/1.1\n{key}\n\n".replace("\r", "").encode()
    yield "NUL in a header", start + b"X: \x00\r\n\r\n"
    yield "folded header", start + f"X: a\r\n {server.key}\r\n\r\n".encode()
    yield "length is no number", start + json_type + b"Content-Length: 5x\r\n\r\n" + BODY
    yield "length is negative", start + json_type + b"Content-Length: -1\r\n\r\n" + BODY
    yield "two lengths", start + json_type + b"Content-Length: 48\r\n" * 2 + b"\r\n" + BODY
    yield (
        "two differing lengths",
        start + json_type + b"Content-Length: 48\r\nContent-Length: 5\r\n\r\n" + BODY,
    )
    yield "header of 9,000 bytes", start + b"X: " + b"a" * 9_000 + b"\r\n\r\n"
    yield "200 headers", start + b"".join(b"X%d: a\r\n" % n for n in range(200)) + b"\r\n"
    yield "request line of 5,000 bytes", b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n\r\n"
    chunked = start + json_type + b"Transfer-Encoding: chunked\r\n"
    yield "chunk size is no number", chunked + b"\r\nxyz\r\n" + BODY + b"\r\n0\r\n\r\n"
    yield "chunk size is negative", chunked + b"\r\n-30\r\n" + BODY + b"\r\n0\r\n\r\n"
    yield "chunk is longer than said", chunked + b"\r\n5\r\n" + BODY + b"\r\n0\r\n\r\n"
    yield "length and chunks", chunked + b"Content-Length: 5\r\n\r\n" + _chunked(BODY)
    yield (
        "unknown coding",
        start + json_type + b"Transfer-Encoding: gzip\r\n\r\n" + _chunked(BODY),
    )
    yield (
        "unknown expectation",
        start + json_type + b"Expect: magic\r\nContent-Length: 48\r\n\r\n" + BODY,
    )


def test_refuses_invalid_http_in_the_envelope_and_logs_no_key(
    server: RunningServer, subtests: pytest.Subtests
) -> None:
    for name, request in _malformed(server):
        with subtests.test(name):
            answer = _exchange(server, request)
            if answer:
                assert 400 <= _status(answer) <= 501
                assert _error(answer)
            assert server.key.encode() not in answer
    with subtests.test("nothing is stored"):
        assert _total(server) == 0
    with subtests.test("the log"):
        log = _log(server)
        assert server.key not in log
        assert PHONE not in log
        assert "Traceback" not in log


@pytest.mark.parametrize(
    ("head", "status", "advice"),
    [
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n\r\n", 414, "POST /v1/contacts/search"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9_000 + b"\r\n\r\n", 431, "send fewer"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n", 417, "100-continue"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: magic\r\n\r\n", 501, "chunked"),
    ],
)
def test_says_what_to_send_instead(
    server: RunningServer, head: bytes, status: int, advice: str
) -> None:
    answer = _exchange(server, head)
    assert (_status(answer), advice in _error(answer)["message"]) == (status, True)


def test_responds_to_a_request_before_pipelined_garbage(server: RunningServer) -> None:
    good = _head(server, f"Content-Length: {len(BODY)}") + BODY
    answer = _exchange(server, good + f"\x00\x01 {server.key}\r\n\r\n".encode(), finish=False)
    assert _status(answer) == 201
    _, _, rest = answer.partition(b"}\n")
    assert rest == b"" or _error(rest)
    assert _total(server) == 1
    assert server.key not in _log(server)


def test_responds_to_pipelined_requests_in_order(server: RunningServer) -> None:
    bodies = [b'{"phone": "91885687918%d"}' % n for n in range(8)]
    heads = [_head(server, f"Content-Length: {len(body)}") for body in bodies]
    requests = b"".join(head + body for head, body in zip(heads, bodies, strict=True))
    answer = _exchange(server, requests, finish=False)
    assert re.findall(rb'"id":"cnt_91885687918(\d)"', answer) == [b"%d" % n for n in range(8)]


@pytest.mark.parametrize("key", ["ak_live_wrong", "", "x" * 4_000])
def test_a_large_body_with_a_wrong_key_does_no_harm(server: RunningServer, key: str) -> None:
    started = time.monotonic()
    for _ in range(4):
        with suppress(requests.ConnectionError):
            answer = requests.post(
                f"{server.url}/v1/contacts",
                data=b" " * 2**23,
                headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
                timeout=20,
            )
            assert answer.status_code == 401
    assert server.get().status_code == 200
    assert time.monotonic() - started < 60


def test_survives_a_client_that_disconnects_before_the_response(server: RunningServer) -> None:
    request = b"GET /v1/contacts HTTP/1.1\r\nHost: contacts\r\n"
    request += f"Authorization: Bearer {server.key}\r\n\r\n".encode()
    for _ in range(40):
        with _connect(server) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(request)
    assert server.get().status_code == 200
    assert "Traceback" not in _log(server)


def test_odd_bytes_in_the_path_and_the_key_return_4xx_errors(
    server: RunningServer, subtests: pytest.Subtests
) -> None:
    odd = {
        "key beyond ASCII": b"GET /v1/contacts HTTP/1.1\r\nAuthorization: Bearer \xc3\xa4\xff",
        "two keys": b"GET /v1/contacts HTTP/1.1\r\nAuthorization: Bearer a\r\nX-Api-Key: b",
        "encoded NUL": b"GET /v1/%00contacts HTTP/1.1\r\nX: y",
        "encoded dots": b"GET /v1/%2e%2e/contacts HTTP/1.1\r\nX: y",
        "no UTF-8 in the path": b"GET /v1/%ff HTTP/1.1\r\nX: y",
        "no UTF-8 in the query": b"GET /v1/contacts?tag=%ff HTTP/1.1\r\nX: y",
        "another host": b"GET http://elsewhere/v1/contacts HTTP/1.1\r\nX: y",
        "two slashes": b"GET //v1//contacts HTTP/1.1\r\nX: y",
    }
    for name, start in odd.items():
        with subtests.test(name):
            answer = _exchange(server, start + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert _status(answer) in (400, 401, 404)
            assert _error(answer)
    with subtests.test("the log"):
        assert "Traceback" not in _log(server)


@pytest.mark.parametrize("part", ["head", "body"])
@pytest.mark.soak
def test_serves_others_while_clients_trickle_on_every_thread(
    start_server: StartServer, part: str
) -> None:
    server = start_server()
    wait_for_workers(server)
    head = f"POST /v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
    if part == "body":
        head += "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    stop = threading.Event()
    with ExitStack() as held:
        clients = [held.enter_context(_connect(server)) for _ in range(8)]

        def trickle() -> None:
            for client in clients:
                client.sendall(head.encode())
            while not stop.wait(0.4):
                for client in clients:
                    with suppress(OSError):
                        client.sendall(b"x")

        trickling = threading.Thread(target=trickle)
        trickling.start()
        try:
            time.sleep(1)
            started = time.monotonic()
            assert server.get().status_code == 200
            assert time.monotonic() - started <= 25
        finally:
            stop.set()
            trickling.join()
