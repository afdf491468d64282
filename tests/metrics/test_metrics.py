"""`/metrics`: exact over all workers, also dead ones, and only for admin keys."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api_keys.handlers import create_api_key
from app.database import Database
from app.database.sqlite.connection import Connection, Row
from app.database.sqlite.files import last_backup
from app.errors import Unavailable
from app.metrics.exposition import Family, exposition, family_by
from app.metrics.store import list_counters
from app.web.service import service_of
from app.webhooks.delivery import Deliverer
from app.webhooks.delivery_store import count_pending
from app.webhooks.handlers import create_webhook
from app.webhooks.model import Outcome
from tests.conftest import (
    ROOT,
    RunningServer,
    StartServer,
    run_contacts,
    wait_for_workers,
    wait_until,
)
from tests.web.test_responses import assert_envelope

PHONE = "918856879188"
SAMPLE = re.compile(r'(contacts_\w+)(\{(?:\w+="(?:[^"\\]|\\.)*",?)+\})? ([0-9.e+-]+|\+Inf|NaN)')
Metrics = dict[str, float]


def parse(text: str) -> Metrics:
    """Return the samples of an exposition, by name and labels; fails where it is malformed."""
    found: Metrics = {}
    described: list[str] = []
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            assert what in ("HELP", "TYPE") and rest
            described.append(f"{what} {name}")
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = re.sub(r"_(bucket|sum|count)$", "", match[1])
        assert f"TYPE {name}" in described or f"TYPE {match[1]}" in described, line
        key = match[1] + (match[2] or "")
        assert key not in found, line
        found[key] = float(match[3])
    assert text.endswith("\n") and len(described) == len(set(described))
    return found


def read(client: FlaskClient) -> Metrics:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(response.text)


def read_from(server: RunningServer) -> Metrics:
    answer = server.get("/metrics")
    assert answer.status_code == 200
    return parse(answer.text)


def counted_requests(metrics: Metrics, route: str = "", code: str = "") -> float:
    """Return how many requests are counted, for all or one route and code."""
    wanted = [f'route="{route}"'] * bool(route) + [f'code="{code}"'] * bool(code)
    return sum(
        value
        for name, value in metrics.items()
        if name.startswith("contacts_requests_total{") and all(each in name for each in wanted)
    )


def test_counts_requests_by_route_and_code(client: FlaskClient) -> None:
    for path in ("/v1/contacts", "/v1/contacts", f"/v1/contacts/{PHONE}", "/v1/contacts?limit=x"):
        client.get(path)
    client.get(f"/nowhere/{PHONE}")
    metrics = read(client)
    assert counted_requests(metrics) == 5
    assert metrics['contacts_requests_total{method="GET",route="/v1/contacts",code="200"}'] == 2
    assert counted_requests(metrics, "/v1/contacts/{id}", "404") == 1
    assert counted_requests(metrics, "-", "404") == 1
    assert counted_requests(metrics, "/v1/contacts", "422") == 1
    # A request is counted after its response.
    assert counted_requests(read(client), "/metrics", "200") == 1


def test_histogram_buckets_are_cumulative(client: FlaskClient) -> None:
    for _ in range(7):
        client.get("/v1/contacts")
    metrics = read(client)
    labels = 'method="GET",route="/v1/contacts",status="2xx"'
    name = "contacts_request_duration_seconds"
    buckets = [
        value for key, value in metrics.items() if key.startswith(f"{name}_bucket{{{labels}")
    ]
    assert buckets == sorted(buckets) and len(buckets) == 14
    assert buckets[-1] == metrics[f"{name}_count{{{labels}}}"] == 7
    assert 0 < metrics[f"{name}_sum{{{labels}}}"] < 7


def test_labels_are_bounded_for_any_request(client: FlaskClient, db: Database) -> None:
    def names() -> set[str]:
        return {re.sub(r" \d+$", "", each) for each in db.counters.read()}

    def ask(number: int) -> None:
        client.open(f"/v1/odd-{number}?a={number}", method=f"ODD{number}")
        client.get(f"/v1/contacts/{PHONE}{number}")

    for number in range(3):
        ask(number)
    before = names()
    for number in range(10, 60):
        ask(number)
    assert names() == before
    assert 'contacts_requests_total{method="OTHER"' in client.get("/metrics").text


def test_counts_writes_by_outcome(client: FlaskClient) -> None:
    client.post("/v1/contacts", json={"phone": PHONE})
    client.post("/v1/contacts", json={"phone": PHONE})
    client.post("/v1/contacts?dry_run=true", json={"phone": PHONE, "first_name": "Priya"})
    client.patch(f"/v1/contacts/{PHONE}", json={"first_name": "Priya"})
    rows = [{"phone": PHONE, "last_name": "x"}, {"phone": "12"}, {"phone": "918856879189"}]
    client.post("/v1/contacts/batch", json={"contacts": rows})
    client.post("/v1/contacts/batch", json={"contacts": rows, "atomic": True})
    client.post("/v1/contacts/batch", json={"contacts": rows[:1], "atomic": True})
    client.post("/v1/contacts/batch?dry_run=true", json={"contacts": rows})
    client.post(f"/v1/contacts/{PHONE}/merge", json={"from": "918856879189"})
    client.delete(f"/v1/contacts/{PHONE}")
    metrics = read(client)
    found = {
        each: metrics[f'contacts_writes_total{{outcome="{each}"}}']
        for each in ("created", "updated", "unchanged", "deleted", "merged")
    }
    assert found == {"created": 2, "updated": 2, "unchanged": 2, "deleted": 1, "merged": 1}
    assert metrics["contacts_rejected_rows_total"] == 1


@pytest.mark.sqlite
def test_counts_imports_by_the_api_and_by_command(
    client: FlaskClient, db: Database, tmp_path: Path
) -> None:
    csv = "phone,first_name\n918856879188,Priya\n12,bad\n"
    sent = client.post("/v1/contacts/import", data=csv, content_type="text/csv")
    assert sent.json["report"]["rejected"] == 1
    (tmp_path / "in.csv").write_text(csv + "918856879187,Asha\n")
    done = run_contacts("import", tmp_path / "in.csv", "--data", db.path.parent)
    assert done.returncode == 1, done.stderr
    metrics = read(client)
    assert metrics['contacts_writes_total{outcome="created"}'] == 2
    assert metrics['contacts_writes_total{outcome="unchanged"}'] == 1
    assert metrics["contacts_rejected_rows_total"] == 2


def test_names_the_engine(client: FlaskClient, engine: str) -> None:
    name = "postgresql" if engine == "postgres" else "sqlite"
    assert any(f'",engine="{name}"' in each for each in read(client) if "build_info" in each)


@pytest.mark.sqlite
def test_counts_stored_contacts_tags_and_fields(client: FlaskClient, db: Database) -> None:
    fields = {"plan": "pro"}
    client.post("/v1/contacts", json={"phone": PHONE, "tags": ["a", "b"], "custom_fields": fields})
    metrics = read(client)
    kinds = {"contacts": 1, "tags": 2, "custom_fields": 1}
    assert {each: metrics[f'contacts_stored{{kind="{each}"}}'] for each in kinds} == kinds
    assert metrics["contacts_store_bytes"] == db.path.stat().st_size
    assert metrics["contacts_wal_bytes"] > 0
    assert metrics["contacts_ready"] == 1
    assert any(name.startswith("contacts_build_info{version=") for name in metrics)


@pytest.mark.sqlite
def test_shows_when_the_last_backup_was_made(
    client: FlaskClient, db: Database, tmp_path: Path
) -> None:
    name = "contacts_last_backup_timestamp_seconds"
    assert name not in read(client)
    started = int(time.time())
    made = run_contacts("backup", tmp_path / "copy.db", "--data", db.path.parent)
    assert made.returncode == 0, made.stderr
    assert started <= read(client)[name] <= time.time() + 1


def test_shows_the_state_of_deliveries(client: FlaskClient, db: Database) -> None:
    create_webhook(db, url="https://example.com/", label="a")
    for number in range(3):
        client.post("/v1/contacts", json={"phone": f"91885687918{number}"})
    before = read(client)
    assert before["contacts_webhook_events_waiting"] == 3
    assert before['contacts_webhooks{status="active"}'] == 1
    outcomes = iter([Outcome(200), Outcome(500, error="x"), Outcome(error="x", final=True)])
    deliverer = Deliverer(db, lambda *_: next(outcomes))
    deliverer.step()
    deliverer.finish(10)
    after = read(client)
    assert after["contacts_webhook_events_waiting"] == 0
    assert after["contacts_webhook_deliveries_pending"] == 1
    for state in ("delivered", "pending", "dead"):
        assert after[f'contacts_webhook_attempts_total{{state="{state}"}}'] == 1


@pytest.mark.sqlite
def test_counts_writers_that_wait(client: FlaskClient, db: Database) -> None:
    before = read(client)
    with closing(sqlite3.connect(db.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable), db.transaction(0.2):
            pass
        other.execute("ROLLBACK")
    after = read(client)
    assert after["contacts_write_busy_total"] - before["contacts_write_busy_total"] == 1
    assert after["contacts_write_waits_total"] - before["contacts_write_waits_total"] >= 1
    waited = after["contacts_write_wait_seconds_total"]
    assert 0.1 <= waited - before["contacts_write_wait_seconds_total"] < 5


def test_counts_requests_over_a_limit(db: Database, client: FlaskClient) -> None:
    key = create_api_key(db, label="x", scopes=("contacts:read",), rate_limit=2)
    for _ in range(5):
        client.get("/v1/contacts", headers={"Authorization": f"Bearer {key}"})
    assert read(client)['contacts_rate_limited_total{by="key"}'] == 3


@pytest.mark.sqlite
def test_responds_while_the_store_is_unreachable(
    app: Flask, anonymous: FlaskClient, db: Database
) -> None:
    make_public(app)
    anonymous.get("/healthz")
    db.close()
    db.path.rename(db.path.with_suffix(".away"))
    metrics = read(anonymous)
    assert metrics["contacts_ready"] == 0
    assert counted_requests(metrics, "/healthz", "200") == 1
    assert "contacts_webhook_deliveries_pending" not in metrics
    db.path.with_suffix(".away").rename(db.path)
    wait_until(lambda: read(anonymous)["contacts_ready"] == 1)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_HOST": "localhost:8000"},
        {"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"},
        {"REMOTE_ADDR": "203.0.113.7"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    ],
)
def test_requires_an_admin_key_from_every_address(
    app: Flask, db: Database, anonymous: FlaskClient, environ: dict[str, str]
) -> None:
    assert_envelope(anonymous.get("/metrics", environ_overrides=environ), 401, "unauthorized")
    for scope, status in (("admin", 200), ("contacts:read", 403), ("contacts:write", 403)):
        key = create_api_key(db, label="x", scopes=(scope,))
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        assert client.get("/metrics", environ_overrides=environ).status_code == status


def test_requires_no_key_where_metrics_are_public(app: Flask, anonymous: FlaskClient) -> None:
    make_public(app)
    assert anonymous.get("/metrics").status_code == 200
    wrong = {"Authorization": "Bearer wrong"}
    assert anonymous.get("/metrics", headers=wrong).status_code == 401


def make_public(app: Flask) -> None:
    service = service_of(app)
    service.settings = replace(service.settings, metrics_public=True)


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["grafana-dashboard.json", "alerts.yml"])
def test_dashboard_and_alerts_use_existing_metrics(
    client: FlaskClient, db: Database, name: str
) -> None:
    last_backup(db.path).touch()
    measured = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, re.M))
    asked = set(re.findall(r"\bcontacts_\w+", (ROOT / "docs" / name).read_text()))
    asked = {re.sub(r"_(bucket|sum|count)$", "", each) for each in asked}
    assert len(asked) >= 8
    assert asked - measured == set()


def test_escapes_labels() -> None:
    described = exposition([family_by("contacts_x", "gauge", "X.", "of", {'a"\\\n': 1.5})])
    assert described.splitlines()[-1] == r'contacts_x{of="a\"\\\n"} 1.5'
    assert parse(described) and exposition([Family("contacts_y", "counter", "Y.")]).count("\n") == 2


def test_counts_each_request_of_two_workers_once(start_server: StartServer) -> None:
    server = start_server()
    wait_for_workers(server)
    _ask(server, 150)
    first = read_from(server)
    assert counted_requests(first, "/v1/status", "200") == 150
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_for_workers(server)
    _check_counters_during(server, lambda: _ask(server, 150))
    before = set(server.workers())
    _check_counters_during(server, lambda: server.process.send_signal(signal.SIGHUP))
    wait_until(lambda: not before & set(server.workers()))
    wait_for_workers(server)
    _ask(server, 50)
    for _ in range(8):
        assert counted_requests(read_from(server), "/v1/status", "200") == 350
    files = [path.name for path in (server.data / "metrics").iterdir()]
    assert len(files) <= 7, "a new worker reuses the file of one that has ended"


def _ask(server: RunningServer, count: int) -> None:
    def ask(_: int) -> int:
        return server.get("/v1/status").status_code

    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(ask, range(count))) == {200}


def _check_counters_during(server: RunningServer, act: Callable[[], object]) -> None:
    """Check that no counter decreases while `act` runs."""
    last: Metrics = {}
    with ThreadPoolExecutor(1) as others:
        acting = others.submit(act)
        for _ in range(30):
            now = read_from(server)
            decreased = [
                name
                for name, value in last.items()
                if re.search(r"_(total|count|sum|bucket)\b", name) and now.get(name, 0) < value
            ]
            assert decreased == []
            last = now
            time.sleep(0.02)
        acting.result()


def test_counts_requests_that_wait_for_changes(start_server: StartServer) -> None:
    server = start_server()
    waiters = "contacts_changes_waiters"
    with ThreadPoolExecutor(2) as clients:
        waiting = [clients.submit(server.get, "/v1/changes", wait=20, after=0) for _ in range(2)]
        wait_until(lambda: read_from(server)[waiters] == 2)
        assert server.post(phone=PHONE).status_code == 201
        assert [each.result().status_code for each in waiting] == [200, 200]
    wait_until(lambda: read_from(server)[waiters] == 0)


def test_a_dead_worker_has_no_waiting_requests(start_server: StartServer) -> None:
    server = start_server("--workers", "1")
    with ThreadPoolExecutor(1) as clients:
        waiting = clients.submit(server.get, "/v1/changes", wait=20, after=0)
        wait_until(lambda: read_from(server)["contacts_changes_waiters"] == 1)
        os.kill(server.workers()[0], signal.SIGKILL)
        assert waiting.exception() is not None
    wait_for_workers(server, 1)
    wait_until(lambda: read_from(server)["contacts_changes_waiters"] == 0)


class Explaining(Connection):
    """A connection that keeps the plans of what it runs."""

    def __init__(self, path: Path) -> None:
        self.plans: list[str] = []
        super().__init__(path)

    def execute(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        plan = super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.plans += [str(row[-1]) for row in plan]
        return super().execute(sql, parameters)


@pytest.mark.sqlite
def test_its_queries_use_indexes(db: Database) -> None:
    with closing(Explaining(db.path)) as explaining:
        count_pending(explaining, "whk_1")
        list_counters(explaining)
        assert explaining.plans == [
            "SEARCH deliveries USING COVERING INDEX deliveries_by_state (webhook_id=? AND state=?)",
            "SEARCH counters USING PRIMARY KEY (name=?)",
        ]
