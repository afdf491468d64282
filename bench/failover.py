"""Measures failovers: what is lost, and for how long clients cannot write.

Needs the Debian packages postgresql, patroni and etcd-server, all on the PATH except PostgreSQL's.
Starts etcd, a primary and a synchronous standby under Patroni, and one server of ours. Four clients
create contacts while the primary is switched over, and then killed with its Patroni.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import requests

from app.database.postgres.store import Database
from tests.conftest import RunningServer, servers
from tests.postgres import programs, user_of_servers

ETCD, PORTS = 23790, (55011, 55012)
CLIENTS = 4


def main() -> None:
    missing = [each for each in ("etcd", "patroni") if not shutil.which(each)]
    if missing or not programs():
        sys.exit(f"needs {', '.join(missing) or 'postgresql'}: see the top of {__file__}")
    folder = Path(tempfile.mkdtemp(prefix="failover-", dir="/var/tmp"))  # Not in memory: it syncs.
    who = user_of_servers()
    if who:
        os.chown(folder, int(str(who["user"])), int(str(who["group"])))
    cluster = Cluster(folder)
    try:
        cluster.start()
        measure(cluster)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """etcd and two nodes of PostgreSQL, each with its Patroni."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        etcd = f"http://127.0.0.1:{ETCD}"
        peer = f"http://127.0.0.1:{ETCD + 1}"
        self.run(
            "etcd",
            *("etcd", "--data-dir", str(self.folder / "etcd"), "--name", "a"),
            *("--listen-client-urls", etcd, "--advertise-client-urls", etcd),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", f"a={peer}"),
        )
        for number, port in enumerate(PORTS):
            path = self.folder / f"node{number}.json"  # JSON is YAML.
            path.write_text(json.dumps(self.configuration(number, port)))
            path.chmod(0o644)
            self.run(f"node{number}", "patroni", str(path))
            wait(lambda number=number: self.state(number) == "running", f"node {number}")
        wait(lambda: self.has_sync_standby(), "a synchronous standby")

    def run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **user_of_servers(),
            )

    def configuration(self, number: int, port: int) -> dict[str, Any]:
        here = f"127.0.0.1:{port}"
        rest = f"127.0.0.1:{port + 100}"
        return {
            "scope": "contacts",
            "name": f"node{number}",
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": f"127.0.0.1:{ETCD}"},
            "bootstrap": {
                "dcs": {
                    "ttl": 20,
                    "loop_wait": 2,
                    "retry_timeout": 5,
                    "synchronous_mode": True,
                    "postgresql": {"parameters": {"max_connections": 100}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}],
            },
            "postgresql": {
                "listen": here,
                "connect_address": here,
                "data_dir": str(self.folder / f"data{number}"),
                "bin_dir": str(programs()),
                "pgpass": str(self.folder / f"pgpass{number}"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": "x"},
                    "replication": {"username": "replicator", "password": "x"},
                },
                "parameters": {"unix_socket_directories": str(self.folder)},
                "pg_hba": [
                    "local all all trust",
                    "host all all 127.0.0.1/32 trust",
                    "host replication all 127.0.0.1/32 trust",
                ],
            },
        }

    def ask(self, number: int, path: str = "patroni") -> dict[str, Any]:
        try:
            address = f"http://127.0.0.1:{PORTS[number] + 100}/{path}"
            return requests.get(address, timeout=3).json()  # type: ignore[no-any-return]
        except (requests.RequestException, ValueError):
            return {}

    def state(self, number: int) -> str:
        return str(self.ask(number).get("state"))

    def leader(self) -> int:
        return next(n for n in range(2) if self.ask(n).get("role") in ("master", "primary"))

    def has_sync_standby(self) -> bool:
        return any(each.get("sync_state") == "sync" for n in range(2) for each in self.replicas(n))

    def replicas(self, number: int) -> list[dict[str, Any]]:
        return list(self.ask(number).get("replication", []))

    def switch(self) -> None:
        leader = self.leader()
        requests.post(
            f"http://127.0.0.1:{PORTS[leader] + 100}/switchover",
            json={"leader": f"node{leader}", "candidate": f"node{1 - leader}"},
            timeout=60,
        ).raise_for_status()

    def kill_leader(self) -> None:
        leader = self.leader()
        pid = int((self.folder / f"data{leader}" / "postmaster.pid").read_text().split()[0])
        process = self.processes.pop(f"node{leader}")
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        for path in self.folder.glob("data*/postmaster.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(path.read_text().split()[0]), signal.SIGKILL)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in PORTS)
        return f"postgresql://postgres:x@{hosts}/postgres?target_session_attrs=read-write"


class Writers:
    """Clients that create contacts; a pause is a time in which none succeeds."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.stored: list[tuple[float, str]] = []
        self.failed: Counter[str] = Counter()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(CLIENTS)]
        for each in self.threads:
            each.start()

    def write(self, number: int) -> None:
        with self.server.session() as session:
            count = 0
            while not self.stopping.is_set():
                count += 1
                phone = f"9188{number}{count:07}"
                try:
                    url = f"{self.server.url}/v1/contacts"
                    response = session.post(url, json={"phone": phone}, timeout=60)
                except requests.RequestException as error:
                    self.failed[type(error).__name__] += 1
                    continue
                if response.status_code == 201:
                    self.stored.append((time.monotonic(), phone))
                else:
                    self.failed[str(response.status_code)] += 1
                    time.sleep(0.1)

    def during(self, act: Callable[[], object], seconds: float) -> str:
        """Act, wait until writes succeed again, and describe the longest pause."""
        self.failed.clear()
        time.sleep(3)
        began = time.monotonic()
        act()
        acted = time.monotonic()
        wait(lambda: bool(self.stored) and self.stored[-1][0] > acted + 3, "writes", seconds)
        times = sorted(at for at, _ in self.stored if at >= began - 3)
        pause = max(after - before for before, after in pairwise(times))
        return f"longest pause {pause:.1f} s, errors {dict(self.failed) or 'none'}"

    def stop(self) -> None:
        self.stopping.set()
        for each in self.threads:
            each.join(60)


def measure(cluster: Cluster) -> None:
    environ = {"CONTACTS_DATABASE_URL": cluster.url, "CONTACTS_LOG_LEVEL": "error"}
    with servers(cluster.folder) as start:
        server = start(environ=environ)
        writers = Writers(server)
        print("switchover:", writers.during(cluster.switch, 120), flush=True)
        wait(cluster.has_sync_standby, "the old primary as a synchronous standby", 120)
        print("kill -9:   ", writers.during(cluster.kill_leader, 180), flush=True)
        writers.stop()
        with closing(Database(cluster.url, server.data)) as db:
            rows = db.connection().execute("SELECT phone FROM contacts")
        lost = {phone for _, phone in writers.stored} - {phone for (phone,) in rows}
        print(f"acknowledged {len(writers.stored):,}, lost {len(lost)}")


def wait(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:.0f} seconds")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
