"""`gunicorn wsgi:app`: the same service, with the same safety settings."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.contacts.sweeps import FIRST_BATCH
from app.database.sqlite.store import Database
from app.tags import handlers as tags
from tests.conftest import (
    ROOT,
    RunningServer,
    StartServer,
    clean_environ,
    run_contacts,
    wait_for_workers,
    wait_until,
)
from tests.serving.test_hostile_clients import _connect, _exchange, _head

PHONE = "918856879188"


@contextmanager
def _gunicorn(tmp_path: Path, application: str = "wsgi:app", *more: str) -> Iterator[RunningServer]:
    """Start gunicorn by its own command, with HOME and a run folder of its own."""
    data, log = tmp_path / "data", tmp_path / "gunicorn.log"
    for name in ("home", "run"):
        (tmp_path / name).mkdir()
    environ = clean_environ(
        PYTHONPATH=f"{ROOT}:{tmp_path}",
        CONTACTS_DATA=str(data),
        HOME=str(tmp_path / "home"),
        XDG_RUNTIME_DIR=str(tmp_path / "run"),
    )
    options = ["--bind", "127.0.0.1:0", "--log-level", "info"]
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", application, *options, *more],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
            cwd=ROOT,
            env=environ,
        )
    try:
        wait_until(lambda: "Listening at" in log.read_text() or process.poll() is not None)
        found = re.search(r"Listening at: (http://\S+)", log.read_text())
        assert found, log.read_text()
        key = (data / "first-admin-key").read_text().strip()
        yield RunningServer(process, found[1], data, key)
    finally:
        process.terminate()
        assert process.wait(40) == 0


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[RunningServer]:
    with _gunicorn(tmp_path) as server:
        yield server


def test_gunicorn_serves_the_same_responses(
    gunicorn: RunningServer, start_server: StartServer
) -> None:
    body = {"phone": "+91 88568 79188", "first_name": "Priya", "tags": ["Lead"]}
    ours = start_server()
    made = [server.post(**body) for server in (gunicorn, ours)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert list(made[0].json()["contact"]) == list(made[1].json()["contact"])
    [one], [other] = (server.get(tag="Lead").json()["contacts"] for server in (gunicorn, ours))
    assert one | {"created_at": ""} == other | {"created_at": ""}
    assert gunicorn.get("/nowhere").json()["error"]["code"] == "not_found"


def test_gunicorn_has_two_workers_private_files_and_no_control_socket(
    gunicorn: RunningServer, tmp_path: Path
) -> None:
    wait_for_workers(gunicorn, 2)
    assert gunicorn.post(phone=PHONE).status_code == 201
    for each in gunicorn.data.rglob("*"):
        assert each.stat().st_mode & 0o777 == (0o700 if each.is_dir() else 0o600), each
    assert not [*(tmp_path / "home").rglob("*"), *(tmp_path / "run").rglob("*")]


def test_rejects_malformed_requests_in_the_envelope(
    gunicorn: RunningServer, tmp_path: Path
) -> None:
    request = f"GET / HTTP/1.1\r\nAuthorization : Bearer {gunicorn.key}\r\n\r\n".encode()
    answer = _exchange(gunicorn, request)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"bad_request"' in answer
    assert gunicorn.key not in (tmp_path / "gunicorn.log").read_text()


@pytest.mark.soak
def test_serves_others_while_stalled_clients_hold_every_thread(gunicorn: RunningServer) -> None:
    wait_for_workers(gunicorn, 2)
    with ExitStack() as held:
        for _ in range(8):
            stalled = held.enter_context(_connect(gunicorn))
            stalled.sendall(_head(gunicorn, "Content-Length: 50")[:-20])
        time.sleep(0.5)
        started = time.monotonic()
        assert gunicorn.get().status_code == 200
        assert time.monotonic() - started <= 20


@pytest.mark.soak
def test_replaces_workers_that_die_while_the_store_is_locked(gunicorn: RunningServer) -> None:
    wait_for_workers(gunicorn, 2)
    with closing(sqlite3.connect(gunicorn.data / "contacts.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for pid in gunicorn.workers():
            os.kill(pid, signal.SIGKILL)
        time.sleep(7)
        assert gunicorn.process.poll() is None
        assert gunicorn.get().status_code == 200
        other.execute("ROLLBACK")
    assert gunicorn.post(phone=PHONE).status_code == 201


def test_applies_keys_that_a_command_creates_and_revokes(gunicorn: RunningServer) -> None:
    made = run_contacts("keys", "create", "--label", "beside", "--data", gunicorn.data)
    first, gunicorn.key = gunicorn.key, made.stdout.strip()
    assert gunicorn.get().status_code == 200
    listed = run_contacts("keys", "list", "--data", gunicorn.data).stdout
    [id] = [line.split()[0] for line in listed.splitlines() if "beside" in line]
    run_contacts("keys", "revoke", id, "--data", gunicorn.data)
    wait_until(lambda: gunicorn.get().status_code == 401, 1)
    gunicorn.key = first
    assert gunicorn.get().status_code == 200


def test_a_new_worker_finishes_an_interrupted_sweep(gunicorn: RunningServer) -> None:
    many = FIRST_BATCH + 10
    with closing(Database(gunicorn.data / "contacts.db")) as db:
        for number in range(many):
            upsert_contact(db, Draft(f"9188568{number:05d}", tags=("VIP",)))
        # Only the first step: what a process does that is killed after it.
        db.write(lambda tx: tags._start(tx, name="VIP", new_name="Gold"))
    gunicorn.process.send_signal(signal.SIGHUP)
    expected = [{"name": "Gold", "contacts": many}]
    wait_until(lambda: gunicorn.get("/v1/tags").json()["tags"] == expected)


def test_a_wrapped_application_stops_and_responds_in_the_envelope(tmp_path: Path) -> None:
    (tmp_path / "behind_proxy.py").write_text(
        "from werkzeug.middleware.proxy_fix import ProxyFix\n"
        "from app import create_app\n"
        "app = ProxyFix(create_app())\n"
    )
    answers: list[int] = []
    # Too short for a request that is not asked to end early: its connection would be cut.
    with _gunicorn(tmp_path, "behind_proxy:app", "--graceful-timeout", "8") as server:
        assert server.post(phone=PHONE).status_code == 201
        assert b'"bad_request"' in _exchange(server, b"GET / HTTP/1.1\r\nA : b\r\n\r\n")
        [*_, last] = server.get("/v1/changes").json()["changes"]
        waiting = threading.Thread(
            target=lambda: answers.append(
                server.get("/v1/changes", after=last["seq"], wait=25).status_code
            )
        )
        waiting.start()
        time.sleep(0.5)
    waiting.join()
    assert answers == [200]


def test_a_foreign_application_stops_and_responds_in_the_envelope(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '2')])\n"
        "    return [b'ok']\n"
    )
    with _gunicorn(tmp_path, "other:app") as server:
        assert server.get("/").text == "ok"
        assert b'"bad_request"' in _exchange(server, b"GET / HTTP/1.1\r\nA : b\r\n\r\n")
