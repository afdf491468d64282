"""A pool runs few of its threads at a time; a long task does not delay others."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.thread_pool import ThreadPool, Waiter, current_waiter
from tests.conftest import wait_until

Task = Callable[[], object]
SECONDS = 20


@contextmanager
def _pool(threads: int = 4, slots: int = 1) -> Iterator[ThreadPool[Task]]:
    pool = ThreadPool[Task](lambda task: task(), threads=threads, slots=slots)
    try:
        yield pool
    finally:
        pool.shutdown()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the order of tasks however slow the machine is."""
    monkeypatch.setattr("app.thread_pool.PATIENCE", SECONDS)


class Record:
    """Notes what tasks do, in order; a test waits for it."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        self.steps.append(step)

    def wait_for(self, *steps: str) -> None:
        wait_until(lambda: len(self.steps) >= len(steps))
        assert self.steps == list(steps)


@pytest.fixture
def record() -> Record:
    return Record()


def test_runs_every_task_once(record: Record) -> None:
    with _pool() as pool:
        for number in range(100):
            pool.submit(lambda number=number: record(f"{number}"))
        wait_until(lambda: len(record.steps) == 100)
    assert sorted(map(int, record.steps)) == list(range(100))


@pytest.mark.usefixtures("patient")
def test_tasks_of_one_slot_run_one_after_the_other_in_one_thread() -> None:
    threads: list[str] = []
    with _pool() as pool:
        done = threading.Event()

        def submit_all() -> None:
            for _ in range(20):
                pool.submit(lambda: threads.append(threading.current_thread().name))
            pool.submit(done.set)

        pool.submit(submit_all)
        assert done.wait(SECONDS)
    assert len(threads) == 20
    assert len(set(threads)) == 1


@pytest.mark.parametrize("slots", [1, 2])
def test_a_long_task_does_not_delay_other_tasks(record: Record, slots: int) -> None:
    may_end = threading.Event()
    with _pool(slots=slots) as pool:
        for _ in range(slots):
            pool.submit(lambda: may_end.wait(SECONDS))
        pool.submit(lambda: record("short"))
        seconds = pool.seconds_to_relief()
        assert seconds is not None
        time.sleep(seconds)
        pool.relieve()
        record.wait_for("short")
        may_end.set()


@pytest.mark.usefixtures("patient")
def test_a_thread_that_waits_makes_room_and_goes_on_before_new_tasks(record: Record) -> None:
    waiters: list[Waiter] = []

    def waiting() -> None:
        waiters.append(current_waiter())
        current_waiter().wait()
        record("woken")

    def waking() -> None:
        pool.submit(lambda: record("new"))
        waiters[0].wake()
        record("waking")

    with _pool() as pool:
        pool.submit(waiting)
        pool.submit(waking)
        record.wait_for("waking", "woken", "new")


def test_a_thread_that_is_woken_before_it_waits_does_not_wait(record: Record) -> None:
    def task() -> None:
        current_waiter().wake()
        current_waiter().wait()
        record("done")

    with _pool() as pool:
        pool.submit(task)
        record.wait_for("done")


@pytest.mark.usefixtures("patient")
def test_a_thread_that_yields_runs_after_the_queued_tasks_and_before_later_ones(
    record: Record,
) -> None:
    def yielding() -> None:
        pool.submit(lambda: (pool.submit(lambda: record("later")), record("queued")))
        current_waiter().yield_slot()
        record("goes on")

    with _pool() as pool:
        pool.submit(yielding)
        record.wait_for("queued", "goes on", "later")


@pytest.mark.usefixtures("patient")
def test_a_thread_that_yields_goes_on_where_no_thread_is_left_for_the_queued_tasks(
    record: Record,
) -> None:
    waiters: list[Waiter] = []

    def waiting() -> None:
        waiters.append(current_waiter())
        current_waiter().wait()
        record("woken")

    def yielding() -> None:
        for _ in range(3):
            pool.submit(waiting)
        pool.submit(lambda: record("last"))
        current_waiter().yield_slot()
        record("goes on")
        for waiter in waiters:
            waiter.wake()

    with _pool(threads=4) as pool:
        pool.submit(yielding)
        record.wait_for("goes on", "woken", "woken", "woken", "last")


@pytest.mark.usefixtures("patient")
def test_a_thread_takes_its_slot_again_before_new_tasks(record: Record) -> None:
    other_runs = threading.Event()

    def other() -> None:
        other_runs.set()
        wait_until(lambda: bool(pool._ready))

    def leaving() -> None:
        pool.submit(other)
        pool.submit(lambda: record("new"))
        current_waiter().leave_slot()
        assert other_runs.wait(SECONDS)
        current_waiter().take_slot()
        record("goes on")

    with _pool(threads=2) as pool:
        pool.submit(leaving)
        record.wait_for("goes on", "new")


def test_continues_after_a_failed_task(record: Record, caplog: pytest.LogCaptureFixture) -> None:
    with _pool(threads=1) as pool:
        pool.submit(lambda: 1 / 0)
        pool.submit(lambda: record("next"))
        record.wait_for("next")
    assert "A task failed" in caplog.text


def test_threads_end_after_the_tasks_that_were_queued(record: Record) -> None:
    before = set(threading.enumerate())
    started, may_end = threading.Event(), threading.Event()
    with _pool(threads=1) as pool:
        pool.submit(lambda: (started.set(), may_end.wait(SECONDS)))
        pool.submit(lambda: record("queued"))
        assert started.wait(SECONDS)
        pool.shutdown()
        may_end.set()
        record.wait_for("queued")
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_thread_of_no_pool_waits_until_it_is_woken() -> None:
    waiter = current_waiter()
    woken = threading.Thread(target=waiter.wait)
    woken.start()
    waiter.yield_slot()
    waiter.leave_slot()
    waiter.take_slot()
    waiter.wake()
    woken.join(SECONDS)
    assert not woken.is_alive()


def test_a_signal_handler_can_end_the_pool_while_its_thread_submits_a_task() -> None:
    pool: ThreadPool[str] = ThreadPool(lambda task: None, threads=1, slots=1)

    def handler_within_submit() -> None:
        with pool._mutex:
            pool.shutdown()

    thread = threading.Thread(target=handler_within_submit, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()
