"""Two servers that reach one PostgreSQL database through PgBouncer, which shares sessions."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.conftest import RunningServer, run_contacts, wait_until
from tests.postgres import PostgresServer, user_of_servers
from tests.several_servers import (
    ask,
    check_restart,
    check_takeover,
    deliverer,
    durable,
    need,
    pair_of_servers,
    post,
)
from tests.webhooks.conftest import StartReceiver, start_receiver

__all__ = ["durable", "start_receiver"]

pytestmark = pytest.mark.soak

PORT = 6432
# Fewer sessions than connections, so that each serves many.
SETTINGS = """
[databases]
* = host={postgres} port=5432 user=postgres
[pgbouncer]
pool_mode = transaction
default_pool_size = 6
unix_socket_dir = {folder}
listen_addr =
listen_port = {port}
auth_type = any
server_login_retry = 1
admin_users = postgres
"""


@pytest.fixture(scope="module")
def pooler(durable: PostgresServer) -> Iterator[Path]:
    """Run PgBouncer in transaction mode; yields the folder of its socket."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    need("PgBouncer", program)
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    settings = folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(postgres=durable.folder, folder=folder, port=PORT))
    who = user_of_servers()
    if who:
        shutil.chown(folder, int(str(who["user"])), int(str(who["group"])))
    settings.chmod(0o644)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), str(settings)],
            stdout=log,
            stderr=log,
            **who,  # type: ignore[call-overload]
        )
    try:
        wait_until((folder / f".s.PGSQL.{PORT}").exists, 10)
        yield folder
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(durable: PostgresServer, pooler: Path) -> str:
    """Return the URL of an empty database, through PgBouncer."""
    direct = durable.create()
    return through(pooler, direct.partition("@/")[2].partition("?")[0])


def through(pooler: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={pooler}&port={PORT}"


@pytest.fixture
def pair(url: str, tmp_path: Path) -> Iterator[list[RunningServer]]:
    with pair_of_servers(url, tmp_path) as started:
        yield started


def test_serves_through_a_pooler(
    pair: list[RunningServer], url: str, pooler: Path, start_receiver: StartReceiver
) -> None:
    """The first start makes the tables, requests share sessions, and a lease is held."""
    receiver = start_receiver()
    assert ask(pair[0], "POST", "/v1/webhooks", json={"url": receiver.url}).status_code == 201

    def write(number: int) -> None:
        for each in range(15):
            server = pair[(number + each) % 2]
            response = post(server, phone=f"9188568{number}{each:04}", tags=["VIP"])
            assert response.status_code == 201, response.text
            listed = ask(server, "GET", "/v1/contacts?tag=VIP&limit=20")
            assert listed.status_code == 200, listed.text

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    lines = "".join(f"9188569{each:05},Ann\n" for each in range(1_500))
    imported = ask(
        pair[1],
        "POST",
        "/v1/contacts/import",
        data=f"phone,first_name\n{lines}",
        headers={"Content-Type": "text/csv"},
    )
    assert imported.ok, imported.text
    totals = [ask(each, "GET", "/v1/contacts").json()["pagination"]["total"] for each in pair]
    assert totals == [120 + 1_500] * 2
    assert ask(pair[0], "PATCH", "/v1/tags/VIP", json={"name": "Best"}).ok
    wait_until(lambda: len({each.event["data"].get("id") for each in receiver.received}) > 1_000)
    assert {deliverer(url, pair[0])} <= {*pair[0].workers(), *pair[1].workers()}
    check_wait(pair)
    check_doctor(url, pair[0], pooler)


def test_another_server_delivers_after_a_kill(
    pair: list[RunningServer], url: str, start_receiver: StartReceiver
) -> None:
    """The lease expires by time, not with the session, which the pooler keeps open."""
    check_takeover(pair, url, start_receiver())


def test_a_killed_database_loses_no_acknowledged_write(
    pair: list[RunningServer], durable: PostgresServer, url: str
) -> None:
    check_restart(pair, durable, url)


def check_wait(pair: list[RunningServer]) -> None:
    """A long poll on one server returns a change that the other one stores."""
    after = 0
    while changes := ask(pair[0], "GET", f"/v1/changes?after={after}&limit=1000").json()["changes"]:
        after = changes[-1]["seq"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, pair[0], "GET", f"/v1/changes?after={after}&wait=25")
        assert post(pair[1], phone="14155552671").status_code == 201
        [change] = waiting.result(60).json()["changes"]
    assert change["event"] == "contact.created" and change["data"]["phone"] == "14155552671"


def check_doctor(url: str, server: RunningServer, pooler: Path) -> None:
    """New sessions have the planner settings that the first start gave the role."""
    with psycopg.connect(through(pooler, "pgbouncer"), autocommit=True) as console:
        console.execute("RECONNECT")
    environ = {"CONTACTS_DATABASE_URL": url, "CONTACTS_DATA": str(server.data)}
    found = json.loads(run_contacts("doctor", "--json", **environ).stdout)["findings"]
    assert {each["check"] for each in found if each["state"] != "ok"} == set()
