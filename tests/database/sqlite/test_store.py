"""Connections, transactions, and the translation of the driver's errors."""

import fcntl
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.database import Connection
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.errors import Busy, InsufficientStorage, StoreFault, Unavailable
from tests.conftest import ROOT, wait_until

FORKING = """
import os, sys
from pathlib import Path
from app.database.sqlite.store import Database

db = Database(Path(sys.argv[1]))
mine = db.connection()
mine.execute("SELECT count(*) FROM tags")
child = os.fork()
if child == 0:
    other = db.connection()
    with db.transaction() as tx:
        tx.execute("INSERT INTO tags (name) VALUES ('child')")
    os._exit(0 if other is not mine and other.pid == os.getpid() else 1)
_, status = os.waitpid(child, 0)
assert db.connection() is mine
with db.transaction() as tx:
    tx.execute("INSERT INTO tags (name) VALUES ('parent')")
assert mine.execute("SELECT name FROM tags ORDER BY name") == [("child",), ("parent",)]
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.db"
    migrate(path)
    return path


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as db:
        yield db


def _insert(connection: Connection, name: str) -> None:
    connection.execute("INSERT INTO tags (name) VALUES (:name)", {"name": name})


def _names(db: Database) -> list[str]:
    return [name for (name,) in db.connection().execute("SELECT name FROM tags ORDER BY id")]


@contextmanager
def _locked(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("journal_mode", "wal"),
        ("secure_delete", 1),
        ("cell_size_check", 1),
        ("mmap_size", 0),
        ("temp_store", 2),
        ("journal_size_limit", 67_108_864),
        ("wal_autocheckpoint", 4_000),
    ],
)
def test_sets_every_connection_up(db: Database, pragma: str, value: object) -> None:
    with ThreadPoolExecutor(1) as other:
        for connection in (db.connection(), other.submit(db.connection).result()):
            if connection is db.connection():
                assert connection.execute(f"PRAGMA {pragma}") == [(value,)]
        assert other.submit(lambda: db.connection().execute(f"PRAGMA {pragma}")).result() == [
            (value,)
        ]
        other.submit(db.close).result()


def test_each_thread_has_one_connection(db: Database) -> None:
    mine = db.connection()
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(db.connection).result()
        assert other.submit(db.connection).result() is theirs
        other.submit(db.close).result()
    assert theirs is not mine
    assert db.connection() is mine


def test_reopens_a_closed_connection(db: Database) -> None:
    before = db.connection()
    db.close()
    db.close()
    assert db.connection() is not before
    assert _names(db) == []


def test_a_fork_opens_its_own_connection(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_commits_at_the_end(db: Database, path: Path) -> None:
    with db.transaction() as tx:
        _insert(tx, "kept")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM tags").fetchall() == [("kept",)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_rolls_back_on_any_exception(db: Database, error: type[BaseException]) -> None:
    with pytest.raises(error), db.transaction() as tx:
        _insert(tx, "gone")
        raise error
    assert _names(db) == []
    with db.transaction() as tx:
        _insert(tx, "next")
    assert _names(db) == ["next"]


def test_change_returns_the_number_of_rows(db: Database) -> None:
    with db.transaction() as tx:
        assert tx.change("INSERT INTO tags (name) VALUES (:a), (:b)", {"a": "1", "b": "2"}) == 2
        assert tx.change("DELETE FROM tags WHERE name = :name", {"name": "3"}) == 0


def test_a_snapshot_sees_one_state(db: Database, path: Path) -> None:
    with db.snapshot() as snapshot, closing(sqlite3.connect(path)) as other:
        count = "SELECT count(*) FROM tags"
        assert snapshot.execute(count) == [(0,)]
        other.execute("INSERT INTO tags (name) VALUES ('meanwhile')")
        other.commit()
        assert snapshot.execute(count) == [(0,)]
    assert db.connection().execute(count) == [(1,)]


def test_a_snapshot_ends_with_an_exception_too(db: Database) -> None:
    with pytest.raises(ValueError), db.snapshot():
        raise ValueError
    with db.transaction() as tx:
        _insert(tx, "next")


def test_a_busy_store_is_unavailable_in_time(db: Database, path: Path) -> None:
    with _locked(path):
        started = time.monotonic()
        with pytest.raises(Unavailable) as raised, db.transaction(seconds=0.3):
            pass
        assert 0.2 < time.monotonic() - started < 5
        assert raised.value.retry_after == 1
        assert _names(db) == []
    with db.transaction() as tx:
        _insert(tx, "next")
    assert _names(db) == ["next"]


def test_zero_seconds_means_no_waiting(db: Database, path: Path) -> None:
    with _locked(path):
        seconds = []
        for _ in range(5):
            started = time.monotonic()
            with pytest.raises(Unavailable), db.transaction(seconds=0):
                pass
            seconds.append(time.monotonic() - started)
        assert min(seconds) < 0.1


def test_waits_for_a_writer_that_ends_in_time(db: Database, path: Path) -> None:
    with _locked(path) as other, ThreadPoolExecutor(1) as threads:
        writing = threads.submit(_write_and_close, db)
        time.sleep(0.3)
        assert not writing.done()
        other.execute("COMMIT")
        writing.result(60)
    assert _names(db) == ["waited"]


def _write_and_close(db: Database) -> None:
    with closing(db), db.transaction() as tx:
        _insert(tx, "waited")


def test_all_waiting_writers_write(db: Database) -> None:
    def write(number: int) -> None:
        with closing(db), db.transaction() as tx:
            _insert(tx, f"tag {number}")
            time.sleep(0.01)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(write, range(64)))
    assert len(_names(db)) == 64


def test_every_end_of_a_transaction_releases_the_lock(db: Database, path: Path) -> None:
    with pytest.raises(ValueError), db.transaction():
        raise ValueError
    with _locked(path), pytest.raises(Unavailable), db.transaction(seconds=0.1):
        pass
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_full_disk_rejects_writes_and_serves_reads(db: Database) -> None:
    with db.transaction() as tx:
        _insert(tx, "before")
    connection = db.connection()
    connection.execute("PRAGMA max_page_count = 1")  # Clamped to what the file has.
    with pytest.raises(InsufficientStorage), db.transaction() as tx:
        for number in range(200):
            _insert(tx, f"{number} " + "x" * 4_000)
    assert _names(db) == ["before"]
    db.connection().execute("PRAGMA max_page_count = 4294967294")
    with db.transaction() as tx:
        _insert(tx, "x" * 40_000)
    assert len(_names(db)) == 2


def test_a_read_only_store_is_unavailable_until_it_is_writable(db: Database) -> None:
    before = db.connection()
    before.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable) as raised, db.transaction() as tx:
        _insert(tx, "refused")
    assert raised.value.retry_after == 5
    assert db.connection() is not before
    with db.transaction() as tx:
        _insert(tx, "next")
    assert _names(db) == ["next"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files")
def test_an_io_error_is_unavailable_and_replaces_the_connection(db: Database, path: Path) -> None:
    for number in range(5):
        with db.transaction() as tx:
            _insert(tx, f"tag {number} " + "x" * 20_000)
    before = db.connection()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
        with pytest.raises(Unavailable), db.transaction() as tx:
            _insert(tx, "y" * 20_000)
        assert len(_names(db)) == 5
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    assert db.connection() is not before
    with db.transaction() as tx:
        _insert(tx, "next")
    assert len(_names(db)) == 6


def test_a_damaged_store_raises_a_fault(db: Database, path: Path) -> None:
    with db.transaction() as tx:
        for number in range(200):
            _insert(tx, f"{number} " + "x" * 500)
        [(root,)] = tx.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tags'")
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * 4_096)
        file.write(b"\xa5" * 4_096)
    damaged = db.connection()
    with pytest.raises(StoreFault):
        damaged.execute("SELECT name FROM tags ORDER BY id")
    assert db.connection() is not damaged


def test_a_fault_quotes_no_value(db: Database) -> None:
    with db.transaction() as tx:
        _insert(tx, "secret name")
    with pytest.raises(StoreFault) as raised, db.transaction() as tx:
        _insert(tx, "secret name")
    assert "secret name" not in raised.value.message
    with pytest.raises(StoreFault):
        db.connection().execute("SELECT no_such_column FROM tags")
    assert _names(db) == ["secret name"]


@pytest.mark.parametrize("gone", ["the folder", "the file"])
def test_a_removed_store_is_unavailable(db: Database, path: Path, gone: str) -> None:
    path.unlink()
    if gone == "the folder":
        path.parent.rename(path.parent.with_name("elsewhere"))
    with pytest.raises(Unavailable):
        db.connection()
    assert not path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_file_stays_open_behind_a_connection_that_failed(db: Database, path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(StoreFault):
            db.connection()
    wait_until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= opened)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_closing_closes_every_file(path: Path) -> None:
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with closing(Database(path)) as db:
            assert _names(db) == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= opened


@pytest.mark.skipif(sys.platform != "linux", reason="limits open files")
def test_no_file_descriptors_left_is_unavailable(db: Database) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    for spare in range(2):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + spare, hard))
            with pytest.raises(Unavailable):
                db.connection()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert _names(db) == []


def test_a_stopped_writer_does_not_block_others_for_ever(db: Database) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path;"
        "from app.database.sqlite.store import Database\n"
        "with Database(Path(sys.argv[1])).transaction():\n"
        "    print('writing', flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, db.path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as stopped:
        try:
            assert stopped.stdout and stopped.stdout.readline() == "writing\n"
            with pytest.raises(Busy), db.transaction(seconds=0.2):
                pass
        finally:
            stopped.send_signal(signal.SIGCONT)
        assert stopped.wait(20) == 0
    with db.transaction(seconds=0.2):
        pass
