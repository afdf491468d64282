"""What is told of every request once it is answered: a line in the log, and counts.

Neither holds a key, a path or a query as they came: a route is told by its template.
"""

import logging
import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from flask import Flask, Response, g, request

from app import logs
from app.database import Database
from app.web.requests import database

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
REQUESTS, DURATION, NANOSECONDS = "requests", "duration", "nanoseconds"
DROPPED, WORKER_STARTS = "log_lines_dropped", "worker_starts"
WITHOUT_BODY = {204, 304}

_log = logging.getLogger(__name__)


@dataclass
class Observed:
    """A request and its answer; `route` and `key` are None where there is none."""

    request_id: str
    status: int
    method: str | None = None
    route: str | None = None
    key: str | None = None
    nanoseconds: int = 0
    bytes: int = 0


def register(app: Flask) -> None:
    """Tell of every request; registered before all others, so that it comes after them."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    g.begun = time.perf_counter_ns()


def _end(response: Response) -> Response:
    db, begun = database(), g.begun
    rule = request.url_rule
    seen = Observed(
        g.request_id,
        response.status_code,
        request.method if request.method in METHODS else "OTHER",
        template(rule.rule) if rule else None,
        getattr(g.get("api_key"), "label", None),
    )
    if response.is_sequence:
        if request.method != "HEAD" and seen.status not in WITHOUT_BODY:
            seen.bytes = response.calculate_content_length() or 0
        seen.nanoseconds = time.perf_counter_ns() - begun
        tell(db, seen)
        return response
    # A stream is answered once its last piece is sent, or its client has gone.
    response.response = _measured(response.iter_encoded(), seen)

    def end() -> None:
        seen.nanoseconds = time.perf_counter_ns() - begun
        tell(db, seen)

    response.call_on_close(end)
    return response


def _measured(pieces: Iterable[bytes], seen: Observed) -> Iterator[bytes]:
    for piece in pieces:
        seen.bytes += len(piece)
        yield piece


def tell(db: Database, seen: Observed) -> None:
    """Write the line of a request and count it; never fails, never waits."""
    seconds = seen.nanoseconds / 1e9
    names = _names(seen.method, seen.route, seen.status, bisect_left(BUCKETS, seconds))
    counts = dict(zip(names, (1, 1, seen.nanoseconds), strict=True))
    if dropped := logs.dropped_lines():
        counts[DROPPED] = dropped
    db.counters.add(counts)
    fields = {
        "request_id": seen.request_id,
        "method": seen.method,
        "route": seen.route,
        "status": seen.status,
        "ms": round(seconds * 1000, 2),
        "bytes": seen.bytes,
        "key": seen.key,
    }
    logs.tell(_log, "request", fields)


@lru_cache(maxsize=4_096)
def _names(method: str | None, route: str | None, status: int, bucket: int) -> tuple[str, str, str]:
    """Return what is counted of such a request; words that are separated by blanks."""
    where = f"{method or '-'} {route or '-'}"
    kind = f"{where} {status // 100}xx"
    return (
        f"{REQUESTS} {where} {status}",
        f"{DURATION} {kind} {bucket}",
        f"{NANOSECONDS} {kind}",
    )


@lru_cache(maxsize=1_024)
def template(rule: str) -> str:
    """Return the path of a rule with its variable parts in braces, as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
