"""The rate limit of a key over a rolling minute, exact for concurrent requests."""

import os
import resource
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api_keys.handlers import create_api_key
from app.api_keys.model import SCOPES
from app.database import Database
from app.web import rate_limit
from app.web.rate_limit import FileRateLimiter
from app.web.service import service_of
from tests.conftest import RunningServer, StartServer, run_contacts, wait_for_workers

SECOND = 10**9


@pytest.fixture
def limiter(tmp_path: Path) -> FileRateLimiter:
    return FileRateLimiter(tmp_path / "rate-limits")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the seconds that the machine has been running for."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(rate_limit.clock, "monotonic_ns", lambda: int(seconds * SECOND))

    set_to(1000)
    return set_to


Clock = Callable[[float], None]


def test_counts_down_to_zero(limiter: FileRateLimiter, clock: Clock) -> None:
    assert [limiter.take("a", 3).remaining for _ in range(3)] == [2, 1, 0]
    refused = limiter.take("a", 3)
    assert (refused.remaining, refused.retry_after) == (0, 60)
    assert limiter.take("b", 3).remaining == 2


def test_the_window_is_a_rolling_minute(limiter: FileRateLimiter, clock: Clock) -> None:
    for seconds in (1000, 1010, 1020):
        clock(seconds)
        assert limiter.take("a", 3).retry_after is None
    clock(1059.5)
    assert limiter.take("a", 3).retry_after == 1
    clock(1060)
    assert limiter.take("a", 3).remaining == 0
    assert limiter.take("a", 3).retry_after == 10
    clock(1080)
    assert [limiter.take("a", 3).remaining for _ in range(2)] == [1, 0]
    clock(2000)
    assert limiter.take("a", 3).remaining == 2


def test_rejected_requests_and_checks_are_not_counted(
    limiter: FileRateLimiter, clock: Clock
) -> None:
    assert limiter.take("a", 1, count=False).remaining == 1
    limiter.take("a", 1)
    clock(1030)
    assert limiter.take("a", 1).retry_after == 30
    clock(1060)
    assert limiter.take("a", 1).retry_after is None


def test_returns_when_the_limit_resets(limiter: FileRateLimiter, clock: Clock) -> None:
    before = time.time()
    assert before + 59 <= limiter.take("a", 2).reset <= time.time() + 61
    clock(1050)
    assert before + 9 <= limiter.take("a", 2).reset <= time.time() + 11


def test_ignores_requests_from_before_a_restart_of_the_machine(
    limiter: FileRateLimiter, clock: Clock
) -> None:
    for _ in range(2):
        limiter.take("a", 2)
    clock(5)
    assert limiter.take("a", 2).remaining == 1


def test_agrees_with_a_list_of_instants(limiter: FileRateLimiter, clock: Clock) -> None:
    import random

    source, seconds, counted = random.Random(3), 1000.0, []
    for _ in range(3000):
        seconds += source.choice([0, 0.01, 0.5, 3, 40])
        clock(seconds)
        counted = [
            each for each in counted if int(each * SECOND) > int(seconds * SECOND) - 60 * SECOND
        ]
        quota = limiter.take("a", 17)
        assert (quota.retry_after is None) == (len(counted) < 17)
        if quota.retry_after is None:
            counted.append(seconds)
        assert quota.remaining == 17 - len(counted)


@pytest.mark.parametrize("damage", [b"", b"x" * 5, b"x" * 200, bytes(200)])
def test_rejects_a_damaged_file(
    limiter: FileRateLimiter, tmp_path: Path, clock: Clock, damage: bytes
) -> None:
    limiter.take("a", 3)
    (tmp_path / "rate-limits" / "a-3").write_bytes(damage)
    with pytest.raises(ValueError):
        limiter.take("a", 3)


def test_writes_its_file_in_full_or_not_at_all(
    limiter: FileRateLimiter, tmp_path: Path, clock: Clock
) -> None:
    """A write to a mapped file with holes would kill the process on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        for _ in range(2):
            with pytest.raises(OSError):
                limiter.take("a", 1_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert limiter.take("a", 1_000).remaining == 999
    path = tmp_path / "rate-limits" / "a-1000"
    assert path.stat().st_blocks * 512 >= path.stat().st_size


@pytest.fixture
def limited(app: Flask, db: Database) -> FlaskClient:
    """A client whose key may make three requests a minute."""
    key = create_api_key(db, label="x", scopes=("contacts:read",), rate_limit=3)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def test_responses_show_the_limit(limited: FlaskClient) -> None:
    for remaining in "210":
        answer = limited.get("/v1/contacts")
        assert answer.status_code == 200
        assert answer.headers["X-RateLimit-Limit"] == "3"
        assert answer.headers["X-RateLimit-Remaining"] == remaining
    refused = limited.get("/v1/contacts")
    assert refused.status_code == 429
    error: dict[str, Any] = refused.json["error"]
    del error["request_id"]
    seconds = error.pop("retry_after_seconds")
    assert error == {
        "code": "rate_limit_exceeded",
        "message": "Too many requests. Please wait before retrying.",
    }
    assert 50 < seconds <= 61  # PostgreSQL counts in tenths of a second.
    assert refused.headers["Retry-After"] == str(seconds)
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert abs(int(refused.headers["X-RateLimit-Reset"]) - time.time() - seconds) < 2


def test_a_forbidden_request_is_not_counted(limited: FlaskClient) -> None:
    answer = limited.post("/v1/contacts", json={"phone": "918856879188"})
    assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (403, "3")
    assert limited.get("/v1/contacts").headers["X-RateLimit-Remaining"] == "2"


def test_errors_are_counted_too(limited: FlaskClient) -> None:
    assert limited.get("/v1/contacts?limit=x").headers["X-RateLimit-Remaining"] == "2"
    assert "X-RateLimit-Limit" not in limited.get("/v1/none").headers


def test_requests_without_a_key_and_health_checks_have_no_limit(anonymous: FlaskClient) -> None:
    for path in ("/v1/contacts", "/healthz", "/readyz"):
        assert "X-RateLimit-Limit" not in anonymous.get(path).headers


def test_a_key_without_a_limit_has_no_headers_of_it(
    app: Flask, db: Database, client: FlaskClient
) -> None:
    assert client.get("/v1/status").headers["X-RateLimit-Limit"] == "6000"
    assert client.get("/v1/profile").json["profile"]["rate_limit"] == 6000
    key = create_api_key(db, label="x", scopes=SCOPES, rate_limit=0)
    headers = {"Authorization": f"Bearer {key}"}
    profile = app.test_client().get("/v1/profile", headers=headers)
    assert "X-RateLimit-Limit" not in profile.headers
    assert profile.json["profile"]["rate_limit"] is None


@pytest.mark.sqlite
def test_a_damaged_file_disables_the_limit_and_logs_a_warning(
    app: Flask, limited: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    limited.get("/v1/contacts")
    [path] = (service_of(app).settings.data / "rate-limits").iterdir()
    path.write_bytes(b"damaged")
    answer = limited.get("/v1/contacts")
    assert (answer.status_code, "X-RateLimit-Limit" in answer.headers) == (200, False)
    assert "not limited" in caplog.text


def _burst(server: RunningServer, key: str, count: int) -> list[Any]:
    server.key = key

    def ask(_: int) -> Any:
        return server.get(limit=1)

    with ThreadPoolExecutor(16) as clients:
        return list(clients.map(ask, range(count)))


def _key(server: RunningServer, limit: int) -> str:
    arguments = ("--label", "x", "--rate-limit", str(limit), "--data", str(server.data))
    return run_contacts("keys", "create", *arguments).stdout.strip()


def test_the_limit_is_exact_over_workers(start_server: StartServer) -> None:
    server = start_server()
    answers = _burst(server, _key(server, 120), 200)
    assert sorted(answer.status_code for answer in answers) == [200] * 120 + [429] * 80
    remaining = [int(a.headers["X-RateLimit-Remaining"]) for a in answers if a.status_code == 200]
    assert sorted(remaining) == list(range(120))
    other = _burst(server, _key(server, 5), 6)
    assert sorted(answer.status_code for answer in other) == [200] * 5 + [429]


def test_the_limit_is_exact_after_a_killed_worker_and_a_reload(start_server: StartServer) -> None:
    server = start_server()
    key = _key(server, 50)
    assert {answer.status_code for answer in _burst(server, key, 30)} == {200}
    for how in (signal.SIGKILL, signal.SIGHUP):
        wait_for_workers(server)
        os.kill(server.workers()[0] if how == signal.SIGKILL else server.process.pid, how)
        time.sleep(0.5)
        wait_for_workers(server)
    answers = _burst(server, key, 30)
    assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 10
