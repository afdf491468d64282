"""A pool of threads of which few run at a time, since all share one interpreter.

A thread gives up the interpreter at each call of SQLite or the kernel. Where another one wants it,
each such call costs two switches between threads and what the processor had cached. So a thread
needs one of a few slots to start a task, and to go on after it has waited: docs/performance.md.
A thread that keeps others waiting for longer than `PATIENCE` no longer counts: it runs on, and the
next one starts.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

PATIENCE = 0.005  # seconds; as long as Python's own threads wait for each other

T = TypeVar("T")
_local = threading.local()
_log = logging.getLogger(__name__)


class Waiter:
    """Lets its thread wait until another thread wakes it.

    The other methods are for threads of a pool, and do nothing for others.
    """

    def __init__(self) -> None:
        self._go = threading.Lock()
        self._go.acquire()

    def wait(self) -> None:
        """Wait for `wake`, which may have been called before."""
        self._go.acquire()

    def wake(self) -> None:
        """Let the thread go on; call it once for each `wait`."""
        self._go.release()

    def yield_slot(self) -> None:
        """Let the tasks run first that are queued now, each until it ends or waits."""

    def leave_slot(self) -> None:
        """Let others run, before a call that takes long; then call `take_slot`."""

    def take_slot(self) -> None:
        """Wait for a slot, after `leave_slot`."""


def current_waiter() -> Waiter:
    """Return the waiter of this thread, a new one for a thread of no pool."""
    waiter: Waiter | None = getattr(_local, "waiter", None)
    return waiter or Waiter()


class ThreadPool(Generic[T]):
    """Runs tasks in at most `threads` threads, of which `slots` run at a time.

    Its owner calls `relieve` after `seconds_to_relief`, so that nobody waits for a long task.
    """

    def __init__(self, run: Callable[[T], object], *, threads: int, slots: int) -> None:
        self._run = run
        self._threads, self._slots = threads, slots
        # For all that follows. A signal handler may call `shutdown` in a thread that has it.
        self._mutex = threading.RLock()
        self._tasks: deque[T] = deque()
        self._idle: list[_Thread[T]] = []  # The last one is next: its memory is in the caches.
        self._ready: deque[_Thread[T]] = deque()
        self._yielded: deque[_Thread[T]] = deque()
        self._running: dict[_Thread[T], None] = {}  # In the order of their starts.
        self._last_start = 0.0
        self._begun = self._started = 0  # Tasks, threads.
        self._closed = False

    def submit(self, task: T) -> None:
        with self._mutex:
            self._tasks.append(task)
            self._fill()

    def shutdown(self, wait: bool = False) -> None:
        """End each thread once there is no task left for it."""
        with self._mutex:
            self._closed = True
            while self._idle:
                self._idle.pop().resume()

    def seconds_to_relief(self) -> float | None:
        """Return after how many seconds to call `relieve`, None if nothing runs."""
        if self._tasks or self._ready or self._yielded:
            return PATIENCE
        return 10 * PATIENCE if self._running else None

    def relieve(self) -> None:
        """Let the next thread run if one has kept it waiting for longer than `PATIENCE`."""
        if self._tasks or self._ready or self._yielded:
            with self._mutex:
                self._fill()

    def next_task(self, thread: "_Thread[T]") -> T | None:
        """Return the next task for a thread whose last one has ended, None to end the thread."""
        with self._mutex:
            is_next = thread in self._running and not self._ready and not self._yielded
            if self._tasks and is_next:
                self._start(thread)
                self._begun += 1
                return self._tasks.popleft()
            thread.task = None
            if not self._closed or self._tasks:
                self._idle.append(thread)
            else:
                thread.resume()
            self._remove(thread)
        thread.pause()
        return thread.task

    def wait(self, thread: "_Thread[T]") -> None:
        with self._mutex:
            thread.waits = not thread.woken
            thread.woken = False
            if not thread.waits:
                return
            self._remove(thread)
        thread.pause()

    def wake(self, thread: "_Thread[T]") -> None:
        with self._mutex:
            thread.woken = not thread.waits
            if thread.waits:
                thread.waits = False
                self._ready.append(thread)
                self._fill()

    def yield_slot(self, thread: "_Thread[T]") -> None:
        with self._mutex:
            if not self._tasks and not self._ready:
                return
            thread.after = self._begun + len(self._tasks)
            self._yielded.append(thread)
            self._remove(thread)
        thread.pause()

    def leave_slot(self, thread: "_Thread[T]") -> None:
        with self._mutex:
            self._remove(thread)

    def take_slot(self, thread: "_Thread[T]") -> None:
        with self._mutex:
            self._ready.appendleft(thread)
            self._fill()
        while not thread.pause(PATIENCE):
            self.relieve()

    def _remove(self, thread: "_Thread[T]") -> None:
        self._running.pop(thread, None)
        self._fill()

    def _fill(self) -> None:
        """Give free slots to those that wait for one."""
        if len(self._running) >= self._slots and time.monotonic() - self._last_start > PATIENCE:
            del self._running[next(iter(self._running))]
        while len(self._running) < self._slots and (thread := self._next_thread()):
            self._start(thread)
            thread.resume()

    def _start(self, thread: "_Thread[T]") -> None:
        self._running.pop(thread, None)
        self._running[thread] = None
        self._last_start = time.monotonic()

    def _next_thread(self) -> "_Thread[T] | None":
        """Return the thread that is to run next, with a task if it is a new or an idle one."""
        if self._ready:
            return self._ready.popleft()
        may_begin = bool(self._idle) or self._started < self._threads
        if self._yielded and (not may_begin or self._begun >= self._yielded[0].after):
            return self._yielded.popleft()
        if not self._tasks or not may_begin:
            return None
        if self._idle:
            thread = self._idle.pop()
        else:
            self._started += 1
            thread = _Thread(self)
            threading.Thread(target=thread.work, name=f"request {self._started}").start()
        self._begun += 1
        thread.task = self._tasks.popleft()
        return thread

    def run(self, task: T) -> None:
        try:
            self._run(task)
        except BaseException:
            _log.exception("A task failed")


class _Thread(Waiter, Generic[T]):
    """A thread of a pool, whose fields are the pool's.

    `after` is how many tasks are to begin before it goes on.
    """

    def __init__(self, pool: ThreadPool[T]) -> None:
        super().__init__()
        self._pool = pool
        self.task: T | None = None
        self.waits = self.woken = False
        self.after = 0

    def work(self) -> None:
        _local.waiter = self
        self.pause()
        task = self.task
        while task is not None:
            self._pool.run(task)
            task = self._pool.next_task(self)

    def pause(self, seconds: float = -1) -> bool:
        return self._go.acquire(timeout=seconds)

    def resume(self) -> None:
        self._go.release()

    def wait(self) -> None:
        self._pool.wait(self)

    def wake(self) -> None:
        self._pool.wake(self)

    def yield_slot(self) -> None:
        self._pool.yield_slot(self)

    def leave_slot(self) -> None:
        self._pool.leave_slot(self)

    def take_slot(self) -> None:
        self._pool.take_slot(self)
