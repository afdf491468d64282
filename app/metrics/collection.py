"""Collects the metrics from the counters of all processes, the store and its files."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from app.api_keys.guard import RATE_LIMITED
from app.contacts.handlers import REJECTED_ROWS, WRITES
from app.database import Database
from app.database.interface import BUSY, WAITED_NANOSECONDS, WAITS
from app.database.sqlite.connection import SQLITE_VERSION
from app.database.sqlite.files import last_backup
from app.errors import Busy, ServiceError
from app.journal.long_poll import WAITERS
from app.metrics import store
from app.metrics.exposition import Family, Labels, family, family_by
from app.settings import Settings
from app.web.health import check_writable
from app.web.observation import BUCKETS, DROPPED, DURATION, NANOSECONDS, REQUESTS, WORKER_STARTS
from app.webhooks import handlers as webhooks
from app.webhooks.outbox import ATTEMPTS

TRIES, SECONDS_BETWEEN_TRIES = 6, 0.05

Counts = Mapping[str, int]


def collect(db: Database, settings: Settings, version: str) -> Iterator[Family]:
    """Return all metrics, without those from the store while it cannot be read."""
    counts = db.counters.read()
    what = {"version": version, "engine": "postgresql" if settings.database_url else "sqlite"}
    if not settings.database_url:
        what["sqlite"] = SQLITE_VERSION
    yield family("contacts_build_info", "gauge", "Versions, and where the store is.", 1, **what)
    yield from _of_requests(counts)
    yield from _of_work(counts)
    if not settings.database_url:
        yield from _of_files(settings)
        yield from _of_backups(settings)
    yield from _of_store(db)


def _of_requests(counts: Counts) -> Iterator[Family]:
    requests: dict[tuple[str, Labels], float] = {}
    for name, count in counts.items():
        if name.startswith(f"{REQUESTS} "):
            method, route, code = name.split(" ")[1:]
            requests["", (("method", method), ("route", route), ("code", code))] = count
    yield Family("contacts_requests_total", "counter", "Requests answered.", requests)
    yield Family(
        "contacts_request_duration_seconds",
        "histogram",
        "Time to answer a request; of a stream, to its end.",
        dict(_durations(counts)),
    )
    limited = {by: counts.get(name, 0) for by, name in RATE_LIMITED.items()}
    meaning = "429s by the limit of a key, or of wrong keys of an address."
    yield family_by("contacts_rate_limited_total", "counter", meaning, "by", limited)


def _durations(counts: Counts) -> Iterator[tuple[tuple[str, Labels], float]]:
    kinds = sorted(name for name in counts if name.startswith(f"{NANOSECONDS} "))
    for name in kinds:
        _, method, route, status = name.split(" ")
        labels = (("method", method), ("route", route), ("status", status))
        total = 0
        for place, bound in enumerate((*BUCKETS, "+Inf")):
            total += counts.get(f"{DURATION} {method} {route} {status} {place}", 0)
            yield ("_bucket", (*labels, ("le", str(bound)))), total
        yield ("_sum", labels), counts[name] / 1e9
        yield ("_count", labels), total


def _of_work(counts: Counts) -> Iterator[Family]:
    def counter(name: str, meaning: str, value: float) -> Family:
        return family(f"contacts_{name}_total", "counter", meaning, value)

    writes = {outcome: counts.get(name, 0) for outcome, name in WRITES.items()}
    meaning = "Writes of contacts, also by rows of batches and imports, by outcome."
    yield family_by("contacts_writes_total", "counter", meaning, "outcome", writes)
    rejected = counts.get(REJECTED_ROWS, 0)
    yield counter("rejected_rows", "Rows of batches and imports that were rejected.", rejected)
    attempts = {state: counts.get(name, 0) for state, name in ATTEMPTS.items()}
    meaning = "Attempts at webhook deliveries by the resulting state; pending means a retry."
    yield family_by("contacts_webhook_attempts_total", "counter", meaning, "state", attempts)
    yield counter("write_waits", "Writers that waited for other writers.", counts.get(WAITS, 0))
    waited = counts.get(WAITED_NANOSECONDS, 0) / 1e9
    yield counter("write_wait_seconds", "Seconds that writers waited.", waited)
    yield counter("write_busy", "Writers that timed out.", counts.get(BUSY, 0))
    yield counter("worker_starts", "Worker processes started.", counts.get(WORKER_STARTS, 0))
    dropped = counts.get(DROPPED, 0)
    yield counter("log_lines_dropped", "Log lines dropped because nobody read them.", dropped)
    waiters = counts.get(WAITERS, 0)
    yield family("contacts_changes_waiters", "gauge", "Requests waiting for changes.", waiters)


def _of_files(settings: Settings) -> Iterator[Family]:
    log = settings.database.with_name(f"{settings.database.name}-wal")
    for name, path in (("store", settings.database), ("wal", log)):
        meaning = f"Size of the {'database' if path is not log else 'write-ahead log'}."
        yield family(f"contacts_{name}_bytes", "gauge", meaning, _size(path))


def _of_backups(settings: Settings) -> Iterator[Family]:
    meaning = "Time of the last backup."
    with suppress(OSError):  # There may be no backup yet.
        seconds = last_backup(settings.database).stat().st_mtime
        yield family("contacts_last_backup_timestamp_seconds", "gauge", meaning, seconds)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _is_ready(db: Database) -> bool | None:
    """Return whether a write succeeds; None if other writers prevent the attempt."""
    for _ in range(TRIES):
        try:
            check_writable(db, seconds=0)
            return True
        except Busy:
            time.sleep(SECONDS_BETWEEN_TRIES)
        except ServiceError:
            return False
    return None


def _of_store(db: Database) -> Iterator[Family]:
    ready = _is_ready(db)
    if ready is not None:
        meaning = "1 if a write succeeds, 0 if not; absent while other writers are busy."
        yield family("contacts_ready", "gauge", meaning, int(ready))
    try:
        db.connection().number_changes()
        with db.snapshot() as snapshot:
            counters, load = store.list_counters(snapshot), webhooks.measure(snapshot)
    except ServiceError:
        return
    yield family_by("contacts_stored", "gauge", "Stored objects.", "kind", counters)
    yield family_by("contacts_webhooks", "gauge", "Webhooks by status.", "status", load.webhooks)
    meaning = "Deliveries waiting to be sent or retried."
    yield family("contacts_webhook_deliveries_pending", "gauge", meaning, load.deliveries)
    meaning = "Changes waiting to be queued, counted once for each webhook."
    yield family("contacts_webhook_events_waiting", "gauge", meaning, load.events)
