"""Logs and counts every request once its response is sent.

Log lines and counters contain no key, path or query as sent: they name the route's template.
"""

import logging
import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from flask import Response

from app import logs
from app.database import Database
from app.web.requests import Request
from app.web.responses import WITHOUT_BODY

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
REQUESTS, DURATION, NANOSECONDS = "requests", "duration", "nanoseconds"
DROPPED, WORKER_STARTS = "log_lines_dropped", "worker_starts"

_log = logging.getLogger(__name__)


@dataclass
class RequestRecord:
    """A request and its response; `route` and `key` are None if none matched."""

    request_id: str
    status: int
    method: str | None = None
    route: str | None = None
    key: str | None = None
    nanoseconds: int = 0
    bytes: int = 0


def observe(request: Request, response: Response) -> None:
    """Log and count a request once its response is whole, or its stream has ended."""
    db, rule, started = request.service.db, request.url_rule, request.started
    record = RequestRecord(
        request.id,
        response.status_code,
        request.method if request.method in METHODS else "OTHER",
        template(rule.rule) if rule else None,
        request.key.label if request.key else None,
    )
    if response.is_sequence:
        if request.method != "HEAD" and record.status not in WITHOUT_BODY:
            record.bytes = sum(map(len, response.iter_encoded()))
        record.nanoseconds = time.perf_counter_ns() - started
        log_request(db, record)
        return
    # A stream ends when its last piece is sent or its client has disconnected.
    response.response = _measured(response.iter_encoded(), record)

    def end() -> None:
        record.nanoseconds = time.perf_counter_ns() - started
        log_request(db, record)

    response.call_on_close(end)


def _measured(pieces: Iterable[bytes], record: RequestRecord) -> Iterator[bytes]:
    for piece in pieces:
        record.bytes += len(piece)
        yield piece


def log_request(db: Database, record: RequestRecord) -> None:
    """Log and count a request. Never fails and never blocks."""
    seconds = record.nanoseconds / 1e9
    requests, duration, nanoseconds = _names(
        record.method, record.route, record.status, bisect_left(BUCKETS, seconds)
    )
    counts = {requests: 1, duration: 1, nanoseconds: record.nanoseconds}
    if dropped := logs.dropped_lines():
        counts[DROPPED] = dropped
    db.counters.add(counts)
    fields = {
        "request_id": record.request_id,
        "method": record.method,
        "route": record.route,
        "status": record.status,
        "ms": round(seconds * 1000, 2),
        "bytes": record.bytes,
        "key": record.key,
    }
    logs.info(_log, "request", fields)


@lru_cache(maxsize=4_096)
def _names(method: str | None, route: str | None, status: int, bucket: int) -> tuple[str, str, str]:
    """Return the counters of a request; their names are words separated by spaces."""
    where = f"{method or '-'} {route or '-'}"
    kind = f"{where} {status // 100}xx"
    return (
        f"{REQUESTS} {where} {status}",
        f"{DURATION} {kind} {bucket}",
        f"{NANOSECONDS} {kind}",
    )


@lru_cache(maxsize=1_024)
def template(rule: str) -> str:
    """Return the path of a URL rule with its variables in braces, as in OpenAPI."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
