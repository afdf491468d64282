"""The log: one line for each record, without personal data; it delays no request."""

import io
import json
import logging
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from app import logs
from tests.conftest import (
    ROOT,
    RunningServer,
    StartServer,
    clean_environ,
    wait_for_workers,
    wait_until,
)
from tests.serving.test_hostile_clients import _exchange

LOUD = {"CONTACTS_LOG_LEVEL": "info"}


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Restore the logging of this process."""
    root, ours = logging.getLogger(), logging.getLogger("app")
    before = list(root.handlers), root.level, ours.level, threading.excepthook
    yield
    logging.captureWarnings(False)
    root.handlers[:], root.level, ours.level, threading.excepthook = before
    logging.getLogger("app").setLevel(ours.level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def requests_in(path: Path, count: int) -> list[dict[str, Any]]:
    """Return the lines of requests, once there are `count`."""

    def found() -> list[dict[str, Any]]:
        return [each for each in lines(path) if each["message"] == "request"]

    wait_until(lambda: len(found()) >= count)
    return found()


def test_logs_a_line_of_json(pipe: tuple[int, int]) -> None:
    handler = logs.configure("info", "json", file=pipe[1])
    logging.getLogger("app.x").info("a %s\nand more", "b", extra={"fields": {"n": None}})
    logs.info(logging.getLogger("app.x"), "hello", {"key": 'ä"\n'})
    handler.flush()
    first, second = map(json.loads, os.read(pipe[0], 65_536).splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {"level": "info", "message": "a b\nand more", "n": None}
    assert (second["message"], second["key"]) == ("hello", 'ä"\n')


def test_logs_a_line_of_text(pipe: tuple[int, int]) -> None:
    handler = logs.configure("info", "text", file=pipe[1])
    logs.info(logging.getLogger("app.x"), "request", {"route": None, "key": "a\nb", "ms": 1.5})
    handler.flush()
    line = os.read(pipe[0], 65_536).decode()
    assert re.fullmatch(r"\d\d:\d\d:\d\d info    request route=- key='a\\nb' ms=1\.5\n", line)


def test_auto_is_text_on_a_terminal_and_json_elsewhere(pipe: tuple[int, int]) -> None:
    terminal, inside = os.openpty()
    try:
        for file, out, begins in ((pipe[1], pipe[0], b"{"), (inside, terminal, b"")):
            handler = logs.configure("info", "auto", file=file)
            logs.info(logging.getLogger("app.x"), "hello", {})
            handler.flush()
            line = os.read(out, 4_096)
            assert line.startswith(begins) and (begins == b"{") == line.startswith(b"{")
    finally:
        os.close(terminal)
        os.close(inside)


def test_logs_nothing_below_its_level(pipe: tuple[int, int]) -> None:
    handler = logs.configure("warning", "json", file=pipe[1])
    logs.info(logging.getLogger("app.x"), "hello", {})
    logging.getLogger("app.x").info("hello")
    logging.getLogger("app.x").warning("heard")
    handler.flush()
    [line] = os.read(pipe[0], 65_536).splitlines()
    assert json.loads(line)["message"] == "heard"


def test_logs_an_error_without_its_message(pipe: tuple[int, int]) -> None:
    handler = logs.configure("info", "json", file=pipe[1])
    name = "ayirp"[::-1]  # The traceback quotes the source line.
    try:
        raise ValueError(name)
    except ValueError:
        logging.getLogger("app.x").exception("Failed")
    handler.flush()
    line = json.loads(os.read(pipe[0], 65_536))
    assert "test_logs.py" in line["fault"] and line["fault"].endswith("ValueError")
    assert name not in str(line)


def test_a_blocked_log_reader_blocks_no_request_and_dropped_lines_are_reported(
    pipe: tuple[int, int],
) -> None:
    handler = logs.configure("info", "json", file=pipe[1])
    started = time.monotonic()
    for number in range(20_000):
        logs.info(logging.getLogger("app.x"), "hello", {"number": number, "more": "x" * 100})
    assert time.monotonic() - started < 10
    dropped = handler.take_dropped()
    assert 0 < dropped < 20_000
    read = b""
    with closing(io.FileIO(pipe[0], closefd=False)) as reader:
        while sum(map(int, re.findall(rb'"(\d+) lines of this log were dropped"', read))) < dropped:
            read += reader.read(65_536) or b""
    # Every line is whole.
    messages = [json.loads(each)["message"] for each in read.splitlines()]
    assert messages.count("hello") == 20_000 - dropped


def test_reports_dropped_lines_while_the_queue_is_full(pipe: tuple[int, int]) -> None:
    handler = logs.LogHandler(pipe[1], logs._json)
    handler._note_dropped(7)
    handler._bytes = logs.MOST_BYTES  # Other threads have filled it again.
    handler._write([b"{}\n"])
    read = b""
    while b"dropped" not in read and select.select([pipe[0]], [], [], 20)[0]:
        read += os.read(pipe[0], 65_536)
    assert b'"7 lines of this log were dropped"' in read


def test_counts_the_lines_that_a_full_disk_drops() -> None:
    file = os.open("/dev/full", os.O_WRONLY)
    try:
        handler = logs.configure("info", "json", file=file)
        for _ in range(5):
            logs.info(logging.getLogger("app.x"), "hello", {})
        handler.flush()
        assert handler.take_dropped() == 5
    finally:
        os.close(file)


def test_logs_one_line_for_each_request(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(environ=LOUD)
    server.post(phone="918856879188")
    server.get("/v1/contacts/cnt_918856879188")
    server.get("/nowhere/918856879188")
    server.get("/docs")
    with server.session() as session:
        session.head(f"{server.url}/v1/contacts", timeout=20)
        session.request("BREW", f"{server.url}/v1/contacts", timeout=20)
        ours = session.get(f"{server.url}/healthz", headers={"X-Request-Id": "mine"}, timeout=20)
        wrong = {"Authorization": "Bearer wrong"}
        session.get(f"{server.url}/v1/contacts", headers=wrong, timeout=20)
    refused = _exchange(server, b"GET / HTTP/9\r\n\r\n")
    found = requests_in(tmp_path / "server-0.log", 9)
    label = "first admin key"
    expected = [
        ("POST", "/v1/contacts", 201, label),
        ("GET", "/v1/contacts/{id}", 200, label),
        ("GET", None, 404, None),
        ("GET", "/docs", 200, None),
        ("HEAD", "/v1/contacts", 200, label),
        ("OTHER", None, 405, None),
        ("GET", "/healthz", 200, None),
        ("GET", "/v1/contacts", 401, None),
        (None, None, 400, None),
    ]
    # Lines of two workers are in any order.
    found.sort(key=lambda each: expected.index(_seen(each)))
    assert [_seen(each) for each in found] == expected
    assert set(found[0]) == {
        *("time", "level", "message", "request_id", "method", "route", "status"),
        *("ms", "bytes", "key"),
    }
    assert found[6]["request_id"] == ours.headers["X-Request-Id"] == "mine"
    assert found[6]["bytes"] == len(ours.content)
    assert found[4]["bytes"] == 0
    assert found[8]["request_id"].encode() in refused
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in refused
    assert all(0 < each["ms"] < 20_000 for each in found[:8])


def test_logs_a_stream_at_its_end(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(environ=LOUD)
    for number in range(3):
        server.post(phone=f"91885687918{number}", first_name="Priya")
    whole = server.get("/v1/contacts/export", format="jsonl")
    assert whole.content.count(b"\n") == 3
    found = requests_in(tmp_path / "server-0.log", 4)  # From two workers, so in any order.
    [line] = [each for each in found if each["method"] == "GET"]
    assert _seen(line) == ("GET", "/v1/contacts/export", 200, "first admin key")
    assert line["bytes"] == len(whole.content)
    assert line["ms"] > 0
    name = 'contacts_requests_total{method="GET",route="/v1/contacts/export",code="200"} 1'
    assert name in server.get("/metrics").text


def _seen(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["method"], line["route"], line["status"], line["key"]


SECRETS = ("Priya", "Zeta", "priya@", "8856879", "8856 879", "ak_live_", "hush")


def test_logs_no_secrets_and_no_personal_data(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(environ={"CONTACTS_LOG_LEVEL": "debug"})
    phone = "918856879188"
    body = {"first_name": "Priya", "last_name": "Zeta", "email": "priya@example.com"}
    server.post(phone=phone, **body, tags=["hush"], custom_fields={"hush": "hush"})
    server.post(phone="+91 8856 879 188", nothing="hush")
    server.post(phone=f"{phone}999999999999", **body)
    for path in (phone, f"cnt_{phone}", f"%2B{phone}", f"{phone}/tags/hush", "Priya"):
        server.get(f"/v1/contacts/{path}")
    queries = ({"q": "Priya"}, {"phone": phone}, {"email": "priya@example.com"}, {"hush": phone})
    for query in queries:
        server.get(**query)
    server.get(f"/nowhere/{phone}", key=server.key)
    with server.session() as session:
        for header in ("Authorization", "X-API-Key"):
            headers = {"Authorization": "", header: f"Bearer {server.key}hush"}
            session.get(f"{server.url}/v1/contacts", headers=headers, timeout=20)
        session.delete(f"{server.url}/v1/contacts/{phone}", timeout=20)
        session.post(
            f"{server.url}/v1/webhooks", json={"url": "https://hush.invalid/hush"}, timeout=20
        )
        session.post(f"{server.url}/v1/contacts", data=b'{"phone": "918856879188', timeout=20)
    for line in (f"GET /{phone} {server.key}", f"GET / HTTP/1.1\r\nhush {server.key}"):
        _exchange(server, f"{line}\r\n\r\n".encode())
    path = tmp_path / "server-0.log"
    requests_in(path, 18)
    server.stop()
    text = path.read_text()
    assert [each for each in (*SECRETS, server.key) if each in text] == []
    assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


def test_an_unread_pipe_delays_no_response(tmp_path: Path) -> None:
    out, into = os.pipe()
    try:
        process = _serve(tmp_path, stderr=into)
        with _serving(process, tmp_path) as server:
            wait_for_workers(server)
            assert _fill(into) > 0
            started = time.monotonic()
            for number in range(200):
                assert server.post(phone=f"9188568{number:05d}").status_code == 201
                if number == 100:
                    os.kill(server.workers()[0], signal.SIGKILL)
            assert time.monotonic() - started < 20
            wait_for_workers(server)
            assert server.stop() == 0
    finally:
        os.close(out)
        os.close(into)


def _fill(into: int) -> int:
    """Fill a pipe through a descriptor of our own, so that the server's still blocks."""
    file = os.open(f"/proc/self/fd/{into}", os.O_WRONLY | os.O_NONBLOCK)
    filled = 0
    try:
        while True:
            filled += os.write(file, b"x")
    except BlockingIOError:
        return filled
    finally:
        os.close(file)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_log_delays_no_response(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = _serve(tmp_path, stderr=full.fileno())
    with _serving(process, tmp_path) as server:
        assert [server.post(phone=f"91885687918{n}").status_code for n in range(5)] == [201] * 5

        def dropped() -> float:
            text = server.get("/metrics").text
            return float(re.findall(r"^contacts_log_lines_dropped_total (\S+)", text, re.M)[0])

        wait_until(lambda: dropped() >= 5)


def _serve(data: Path, stderr: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", "--data", str(data / "served")],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=clean_environ(CONTACTS_RATE_LIMIT="0", CONTACTS_LOG_LEVEL="info"),
    )


class _serving:
    """A server that is stopped at the end."""

    def __init__(self, process: "subprocess.Popen[str]", data: Path) -> None:
        self._process, self._data = process, data / "served"

    def __enter__(self) -> RunningServer:
        assert self._process.stdout
        for line in self._process.stdout:
            if found := re.match(r"Contacts service on (http://\S+),", line):
                key = (self._data / "first-admin-key").read_text().strip()
                return RunningServer(self._process, found[1], self._data, key)
        raise AssertionError("the server did not start")

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(40)
        assert self._process.stdout
        self._process.stdout.close()


def test_gunicorn_logs_in_the_same_form(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(environ=LOUD)
    wait_for_workers(server)
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_for_workers(server)
    path = tmp_path / "server-0.log"
    wait_until(lambda: "SIGKILL" in path.read_text())
    assert any("SIGKILL" in each["message"] for each in lines(path) if each["level"] == "error")


FIVE_LINES = re.compile(
    r"Contacts service on (?P<url>http://\S+), data in \S+\n"
    r"Version \S+, process \d+: 2 workers with 8 threads each\n"
    r"SQLite 3\.\d+\S*, [\d.]+ MB in contacts\.db; writes are on disk before their response\n"
    r"Limits: 6000 requests a minute for a key, 300 wrong keys for an address; bodies to 1 MiB\n"
    r"Log: JSON on standard error from level info; metrics at /metrics for keys with "
    r"the scope admin\n"
)


@pytest.mark.parametrize("how", ["contacts serve", "gunicorn wsgi:app"])
def test_a_start_prints_its_configuration_in_five_lines(tmp_path: Path, how: str) -> None:
    module = ["gunicorn", "wsgi:app"] if how.startswith("gunicorn") else ["app", "serve"]
    environ = clean_environ(
        PYTHONPATH=str(ROOT), CONTACTS_DATA=str(tmp_path), CONTACTS_PORT="0", HOME=str(tmp_path)
    )
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environ,
    )
    assert process.stdout
    printed = "".join(process.stdout.readline() for _ in range(6))
    found = FIVE_LINES.search(printed)
    try:
        assert found, printed
        assert requests.get(f"{found['url']}/healthz", timeout=20).status_code == 200
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=40)
    assert [json.loads(each)["message"] for each in errors.splitlines()] == ["request"]
