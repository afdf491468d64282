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
    """Tell whether no thread of either worker says that it is ready."""
    return not any(ready(server) for _ in range(times))


def _goes_and_comes_back(
    server: RunningServer, break_it: Callable[[], object], mend: Callable[[], object]
) -> None:
    assert server.post(phone="918856879188", first_name="Priya").status_code == 201
    assert ready(server)
    break_it()
    time.sleep(1.1)  # What a check has found holds for a second.
    assert _is_not_ready(server)
    assert server.get("/healthz").status_code == 200
    mend()
    wait_until(lambda: all(ready(server) for _ in range(6)))
    # Whatever thread answers, it works.
    for number in range(8):
        answer = server.post(phone=f"91885687918{number}")
        assert answer.status_code in (200, 201), answer.text
        assert (answer := server.get()).status_code == 200, answer.text


@pytest.mark.soak
def test_a_lock_of_another_program(start_server: StartServer) -> None:
    server = start_server()
    with closing(sqlite3.connect(server.data / "contacts.db", isolation_level=None)) as other:

        def lock() -> None:
            other.execute("BEGIN IMMEDIATE")

        def unlock() -> None:
            other.execute("ROLLBACK")

        started = time.monotonic()
        _goes_and_comes_back(server, lock, unlock)
        assert time.monotonic() - started < 40


def test_garbage_over_the_file(start_server: StartServer) -> None:
    server = start_server()
    path = server.data / "contacts.db"
    whole = b""

    def damage() -> None:
        nonlocal whole
        # All of it is in that one file, or what is mended would be older than what is in the log.
        with closing(Database(path)) as db:
            wait_until(db.truncate_log)
        with path.open("r+b") as file:
            whole = file.read()
            file.seek(0)
            file.write(b"garbage " * (len(whole) // 8))

    def mend() -> None:
        with path.open("r+b") as file:
            file.write(whole)

    _goes_and_comes_back(server, damage, mend)


def test_is_not_ready_while_the_file_is_missing(start_server: StartServer) -> None:
    server = start_server()
    path = server.data / "contacts.db"
    away = path.with_suffix(".away")
    _goes_and_comes_back(server, lambda: path.rename(away), lambda: away.rename(path))


def test_is_not_ready_while_the_data_folder_is_missing(start_server: StartServer) -> None:
    server = start_server()
    away = server.data.with_name("away")
    _goes_and_comes_back(server, lambda: server.data.rename(away), lambda: away.rename(server.data))
