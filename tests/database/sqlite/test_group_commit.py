"""Writers that wait together share a transaction, and only that."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.database import Connection
from app.database.group_commit import GroupCommit
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.errors import NotFound, Unavailable
from app.thread_pool import ThreadPool
from tests.conftest import wait_until

Job = Callable[[Connection], Any]


class Committer:
    """Commits jobs to a real database and records the size and the wait of each group."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.sizes: list[int] = []
        self.waits: list[float] = []
        self.refuses_groups = False

    def __call__(self, take: Callable[[], Sequence[Job]], *, waited: float) -> list[Any]:
        self.waits.append(waited)
        with self.db.transaction() as tx:
            jobs = take()
            self.sizes.append(len(jobs))
            if self.refuses_groups and len(jobs) > 1:
                raise Unavailable("busy")
            return [job(tx) for job in jobs]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "contacts.db"
    migrate(path)
    with closing(Database(path)) as db:
        yield db


@pytest.fixture
def committer(db: Database) -> Committer:
    return Committer(db)


def _insert(name: str) -> Job:
    def job(tx: Connection) -> int:
        tx.execute("INSERT INTO tags (name) VALUES (:name)", {"name": name})
        [(count,)] = tx.execute("SELECT count(*) FROM tags")
        return int(count)

    return job


def _names(db: Database) -> set[str]:
    return {name for (name,) in db.connection().execute("SELECT name FROM tags")}


def _run(db: Database, group: GroupCommit, job: Job) -> Any:
    with closing(db):
        return group.run(lambda tx, _: [job(tx)], None)


def _run_together(
    committer: Committer, jobs: Sequence[Job], seconds: float = 0
) -> "list[Future[Any]]":
    """Run jobs that wait together, for `seconds`, while another job runs."""
    group = GroupCommit(committer)
    started, may_end = threading.Event(), threading.Event()

    def first(tx: Connection) -> None:
        started.set()
        assert may_end.wait(20)

    with ThreadPoolExecutor(len(jobs) + 1) as threads:
        leading = threads.submit(_run, committer.db, group, first)
        assert started.wait(20)
        waiting = []
        for number, job in enumerate(jobs):
            waiting.append(threads.submit(_run, committer.db, group, job))
            wait_until(lambda number=number: len(group._waiting) > number)
        time.sleep(seconds)
        may_end.set()
        assert leading.result(20) is None
    return waiting


def test_stores_the_jobs_of_all_threads(db: Database) -> None:
    names = [f"{thread} {n}" for thread in range(16) for n in range(20)]

    def write(name: str) -> int:
        with closing(db):
            return int(db.write(_insert(name)))

    with ThreadPoolExecutor(16) as threads:
        counts = list(threads.map(write, names))
    assert _names(db) == set(names)
    assert sorted(counts) == list(range(1, len(names) + 1))


def test_jobs_that_wait_together_share_a_commit(db: Database, committer: Committer) -> None:
    outcomes = _run_together(committer, [_insert(f"tag {n}") for n in range(7)])
    assert committer.sizes == [1, 7]
    assert _names(db) == {f"tag {n}" for n in range(7)}
    assert all(outcome.exception() is None for outcome in outcomes)


def test_a_job_sees_the_earlier_writes_of_its_group(committer: Committer) -> None:
    outcomes = _run_together(committer, [_insert(f"tag {n}") for n in range(7)])
    assert [outcome.result() for outcome in outcomes] == [1, 2, 3, 4, 5, 6, 7]


def test_a_failing_job_does_not_affect_its_group(db: Database, committer: Committer) -> None:
    def failing(tx: Connection) -> None:
        _insert("half done")(tx)
        raise NotFound("no such thing")

    jobs = [_insert("before"), failing, _insert("after")]
    before, failed, after = _run_together(committer, jobs)
    assert isinstance(failed.exception(), NotFound)
    assert (before.result(), after.result()) == (1, 2)
    assert _names(db) == {"before", "after"}


def test_each_failing_job_raises_its_own_error(db: Database, committer: Committer) -> None:
    def failing(number: int) -> Job:
        def job(tx: Connection) -> None:
            raise NotFound(f"error {number}")

        return job

    outcomes = _run_together(committer, [failing(n) for n in range(4)])
    assert [str(outcome.exception()) for outcome in outcomes] == [f"error {n}" for n in range(4)]
    assert _names(db) == set()


def test_continues_after_a_failure(db: Database) -> None:
    def failing(tx: Connection) -> None:
        raise NotFound("no such thing")

    for n in range(3):
        with pytest.raises(NotFound):
            db.write(failing)
        assert db.write(_insert(f"tag {n}")) == n + 1


def test_a_failed_commit_raises_for_every_job_of_the_group(committer: Committer) -> None:
    committer.refuses_groups = True
    outcomes = _run_together(committer, [_insert(f"tag {n}") for n in range(3)])
    assert committer.sizes == [1, 3]
    assert all(isinstance(outcome.exception(), Unavailable) for outcome in outcomes)


def test_uncommitted_writes_are_not_stored(db: Database, committer: Committer) -> None:
    def ends_the_transaction(tx: Connection) -> None:
        _insert("rolled back")(tx)
        tx.execute("ROLLBACK")

    with pytest.raises(Exception, match="no transaction"):
        GroupCommit(committer).run(lambda tx, _: [ends_the_transaction(tx)], None)
    assert _names(db) == set()
    assert db.write(_insert("next")) == 1


def test_jobs_that_come_before_the_transaction_begins_share_its_commit(
    db: Database, committer: Committer
) -> None:
    group = GroupCommit(committer)
    with ThreadPoolExecutor(5) as threads:
        with closing(Database(db.path)) as other, other.transaction():
            jobs = [_insert(f"tag {n}") for n in range(5)]
            waiting = [threads.submit(_run, db, group, job) for job in jobs]
            wait_until(lambda: len(group._waiting) == 5)
        assert sorted(each.result(20) for each in waiting) == [1, 2, 3, 4, 5]
    assert committer.sizes == [5]


def test_a_later_job_has_its_own_timeout(
    db: Database,
) -> None:
    begins, may_begin = threading.Event(), threading.Event()

    def busy_once(take: Callable[[], Sequence[Job]], *, waited: float) -> list[Any]:
        if not begins.is_set():
            begins.set()
            assert may_begin.wait(20)
            raise Unavailable("busy")
        with db.transaction() as tx:
            return [job(tx) for job in take()]

    group = GroupCommit(busy_once)
    with ThreadPoolExecutor(2) as threads:
        older = threads.submit(_run, db, group, _insert("older"))
        assert begins.wait(20)
        later = threads.submit(_run, db, group, _insert("later"))
        wait_until(lambda: len(group._waiting) == 2)
        may_begin.set()
        assert isinstance(older.exception(20), Unavailable)
        assert later.result(20) == 1
    assert _names(db) == {"later"}


def test_requests_that_a_worker_has_received_share_a_commit(
    db: Database, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.thread_pool.PATIENCE", 20)
    group = GroupCommit(committer)
    results: list[int] = []

    def submit_others() -> None:
        for number in range(4):
            pool.submit(lambda number=number: results.append(_run(db, group, _insert(f"{number}"))))
        results.append(_run(db, group, _insert("first")))

    pool = ThreadPool[Callable[[], None]](lambda task: task(), threads=8, slots=1)
    pool.submit(submit_others)
    wait_until(lambda: len(results) == 5)
    pool.shutdown()
    assert committer.sizes == [5]
    assert sorted(results) == [1, 2, 3, 4, 5]


def test_passes_the_wait_of_the_oldest_job_to_the_committer(committer: Committer) -> None:
    _run_together(committer, [_insert(f"tag {n}") for n in range(5)], seconds=0.3)
    first, group = committer.waits
    assert first < 0.2
    assert 0.3 <= group < 5
