"""`/readyz` of real servers: 503 while nothing can be stored, 200 again without a restart.

A full disk and a limit on the size of files are in tests/test_durability.py.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from app.database.sqlite.store import Database
from tests.conftest import RunningServer, StartServer, wait_until


def ready(server: RunningServer) -> bool:
    return server.get("/readyz").status_code == 200


def _is_not_ready(server: RunningServer, times: int = 4) -> bool:
    """Return whether no check of several, over both workers, finds the server ready."""
    return not any(ready(server) for _ in range(times))


def _check_readiness_around(
    server: RunningServer, break_store: Callable[[], object], repair: Callable[[], object]
) -> None:
    assert server.post(phone="918856879188", first_name="Priya").status_code == 201
    assert ready(server)
    break_store()
    time.sleep(1.1)  # The result of a check is kept for a second.
    assert _is_not_ready(server)
    assert server.get("/healthz").status_code == 200
    repair()
    wait_until(lambda: all(ready(server) for _ in range(6)))
    # Every thread works.
    for number in range(8):
        answer = server.post(phone=f"91885687918{number}")
        assert answer.status_code in (200, 201), answer.text
        assert (answer := server.get()).status_code == 200, answer.text


@pytest.mark.soak
def test_is_not_ready_while_another_program_has_the_lock(start_server: StartServer) -> None:
    server = start_server()
    with closing(sqlite3.connect(server.data / "contacts.db", isolation_level=None)) as other:

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")

        def unlock() -> None:
            other.execute("ROLLBACK")

        started = time.monotonic()
        _check_readiness_around(server, lock, unlock)
        assert time.monotonic() - started < 40


def test_is_not_ready_while_the_file_is_garbage(start_server: StartServer) -> None:
    server = start_server()
    path = server.data / "contacts.db"
    whole = b""

    def damage() -> None:
        nonlocal whole
        # Empty the log: it would be newer than the repaired file.
        with closing(Database(path)) as db:
            wait_until(db.truncate_log)
        with path.open("r+b") as file:
            whole = file.read()
            file.seek(0)
            file.write(b"garbage " * (len(whole) // 8))

    def repair() -> None:
        with path.open("r+b") as file:
            file.write(whole)

    _check_readiness_around(server, damage, repair)


def test_is_not_ready_while_the_file_is_missing(start_server: StartServer) -> None:
    server = start_server()
    path = server.data / "contacts.db"
    away = path.with_suffix(".away")
    _check_readiness_around(server, lambda: path.rename(away), lambda: away.rename(path))


def test_is_not_ready_while_the_data_folder_is_missing(start_server: StartServer) -> None:
    server = start_server()
    away = server.data.with_name("away")
    _check_readiness_around(
        server, lambda: server.data.rename(away), lambda: away.rename(server.data)
    )
