"""What a backup costs other writers: latency of writes, without and during a backup.

Clients upsert random contacts over HTTP, with a short pause after each answer; quiet times and
backups alternate. Every backup is then compared with what its counters say.
"""

import argparse
import http.client
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from growth import grow, names, progress
from load import ROOT, server

from app import create_app
from app.api_keys.handlers import create_api_key
from app.api_keys.model import DEFAULT_SCOPES
from app.settings import load
from app.web.service import service_of

PAUSE = 0.005


class Client(threading.Thread):
    """Posts until it is stopped; `taken` has when each answer came, and after how many ms."""

    def __init__(self, url, key, phones, number):
        super().__init__()
        self.url, self.key, self.phones = url, key, phones
        self.random = random.Random(number)
        self.taken, self.failed = [], 0
        self.stopped = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        while not self.stopped.wait(PAUSE):
            body = {"phone": self.random.choice(self.phones), "last_name": self.name()}
            started = time.perf_counter()
            connection.request("POST", "/v1/contacts", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            now = time.perf_counter()
            self.failed += answer.status != 200
            self.taken.append((now, (now - started) * 1000))
        connection.close()

    def name(self):
        return "".join(self.random.choices("abcdefgh", k=10))


def fill(folder, contacts):
    """Make a store with so many contacts; return a key to it, and phones that are in it."""
    app = create_app(load({}, data=folder))
    with closing(service_of(app).db) as db:
        source = random.Random(1)
        [(there,)] = db.connection().execute("SELECT count(*) FROM contacts")
        grow(db, source, names(source), there, contacts, progress)
        phones = [
            phone
            for (phone,) in db.connection().execute(
                "SELECT phone FROM contacts WHERE phone GLOB '1415*' LIMIT 10000"
            )
        ]
        key = create_api_key(db, label="bench", scopes=DEFAULT_SCOPES, rate_limit=0)
    return key, phones


def back_up(folder, file):
    """Run one backup; return its seconds and its own summary."""
    command = [sys.executable, "-m", "app", "backup", str(file), "--data", str(folder), "--json"]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, json.loads(done.stdout)


def row(name, taken):
    taken = sorted(taken)
    at = [taken[int(len(taken) * part)] for part in (0.5, 0.99, 0.999)]
    print(f"{name:14}{len(taken):9,}" + "".join(f"{ms:10.1f}" for ms in (*at, taken[-1])))
    return at[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="keep the store here, and grow it if need be")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.data or Path(scratch) / "data"
        key, phones = fill(folder, options.contacts)
        backups = []
        with server("wsgi:app", {"CONTACTS_LOG_LEVEL": "warning"}, folder) as url:
            clients = [Client(url, key, phones, number) for number in range(options.clients)]
            for client in clients:
                client.start()
            time.sleep(2)
            for number in range(options.rounds):
                progress(f"round {number + 1} of {options.rounds}")
                begun = time.perf_counter()
                seconds, summary = back_up(folder, Path(scratch) / "backup.db")
                backups.append((begun, begun + seconds, summary))
                (Path(scratch) / "backup.db").unlink()
                time.sleep(max(5, seconds))
            for client in clients:
                client.stopped.set()
            for client in clients:
                client.join()
    report(clients, backups)


def report(clients, backups):
    during, quiet = [], []
    for client in clients:
        for when, taken in client.taken:
            busy = any(begun <= when <= ended for begun, ended, _ in backups)
            (during if busy else quiet).append(taken)
    progress("")
    size = backups[-1][2]["bytes"] / 1e6
    took = ", ".join(f"{ended - begun:.1f}" for begun, ended, _ in backups)
    print(f"{backups[-1][2]['counts']['contacts']:,} contacts, {size:,.0f} MB; backups: {took} s")
    print(f"{'ms':14}{'writes':>9}{'p50':>10}{'p99':>10}{'p99.9':>10}{'longest':>10}")
    before, meanwhile = row("quiet", quiet), row("during backup", during)
    failed = sum(client.failed for client in clients)
    print(f"p99 during a backup, of the quiet one: {meanwhile / before:.1f}; failed: {failed}")


if __name__ == "__main__":
    main()
