"""PostgreSQL beside SQLite, two servers beside one, and what queries cost as a database grows.

Starts a PostgreSQL of its own on this machine, which syncs every commit. Servers take turns under
the same load, so that ratios hold while the machine's speed drifts. Processor time is that of all
processes of the servers and of PostgreSQL, without the load's own. Needs wrk.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench import growth, load

SKIPPED = "bench/postgres.py is skipped: "
OPTIONS = ("max_connections=200", "listen_addresses=", "shared_buffers=256MB", "max_wal_size=4GB")
SCENARIOS = {name: load.SCENARIOS[name] for name in ("create", "update", "GET 20", "GET 100")}
SCENARIOS["GET tag"] = load.SCENARIOS["GET tag"]
SINGLE, SHARED = "SQLite", "PostgreSQL"
PAIR = "two servers"


@dataclass
class Measured:
    """One run; `server` and `database` are the parts of all cores that those kept busy."""

    rate: float
    p99: float
    cpu: float
    server: float
    database: float


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="0: only growth")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 1_000_000])
    options = parser.parse_args()
    with ExitStack() as stack:
        database = stack.enter_context(started())
        if options.rounds:
            compare(database, options)
        if options.sizes:
            grow(database, options.sizes)


def started():
    """Start a PostgreSQL of its own, or end with the reason why there is none."""
    try:
        from tests.postgres import programs, running_server
    except ImportError as error:
        sys.exit(print(f"{SKIPPED}{error}: run pip install -e '.[test]'"))
    for missing, package in ((not programs(), "postgresql"), (not shutil.which("wrk"), "wrk")):
        if missing:
            sys.exit(print(f"{SKIPPED}no {package}: run apt-get install {package}"))
    return running_server(OPTIONS)


def compare(database, options):
    from app.maintenance.copy_store import to_postgres

    results, seed = {}, 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key, _ = load.fill(folder / "sqlite", options.contacts)
        url = database.create()
        to_postgres(folder / "sqlite" / "contacts.db", url, lambda *_: None)
        environ = {"CONTACTS_DATABASE_URL": url}
        (single, one, two) = (
            stack.enter_context(load.server("wsgi:app", more, folder / name))
            for name, more in (("sqlite", {}), ("one", environ), ("two", environ))
        )
        for number in range(options.rounds):
            for name, (scenario, path) in SCENARIOS.items():
                for who, servers in ((SINGLE, [single]), (SHARED, [one]), (PAIR, [one, two])):
                    growth.progress(f"round {number + 1}: {name}, {who}")
                    seed += len(servers)
                    pid = None if who == SINGLE else database.process.pid
                    found = measure(servers, pid, scenario, path, key, seed, options)
                    results.setdefault((name, who), []).append(found)
    growth.progress("")
    report(results, options)


def measure(servers, database, scenario, path, key, seed, options):
    """Send one load, in equal parts to the servers."""
    each = options.connections // len(servers)

    def run(place):
        url, pid = servers[place]
        more = (scenario, key, options.contacts, seed - place, options.seconds, each)
        return load.measure(url + path, pid, *more)

    pids = [pid for _, pid in servers]
    before = [sum(map(load.processor_seconds, pids)), processor_seconds_of(database)]
    began = time.monotonic()
    with ThreadPoolExecutor(len(servers)) as pool:
        found = list(pool.map(run, range(len(servers))))
    capacity = (time.monotonic() - began) * os.cpu_count()
    after = [sum(map(load.processor_seconds, pids)), processor_seconds_of(database)]
    spent = [now - then for now, then in zip(after, before, strict=True)]
    rate = sum(run.rate for run in found)
    cpu = sum(spent) / (rate * options.seconds) * 1000
    return Measured(rate, max(run.p99 for run in found), cpu, *(part / capacity for part in spent))


def processor_seconds_of(database):
    return load.processor_seconds(database) if database else 0


def report(results, options):
    print(
        f"{options.contacts:,} contacts, {options.connections} connections, {os.cpu_count()} "
        f"cores, medians of {options.rounds} rounds of {options.seconds} s"
    )
    for one, other in ((SHARED, SINGLE), (PAIR, SHARED)):
        print(
            f"\n{one + ' / ' + other:26} {'req/s':>7} {'p99':>7} {'cpu':>7}   "
            f"cores that {one} keeps busy: servers, PostgreSQL"
        )
        for name in SCENARIOS:
            runs, others = results[name, one], results[name, other]
            ratios = [load.ratio(runs, others, what) for what in ("rate", "p99", "cpu")]
            busy = [load.median(runs, what) for what in ("server", "database")]
            print("{:26} {:7.2f} {:7.2f} {:7.2f}   {:.0%}, {:.0%}".format(name, *ratios, *busy))
    print()


def grow(database, sizes):
    from app.database.postgres.migrate import migrate
    from app.database.postgres.store import Database

    stores = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        for size in sizes:
            url = database.create()
            migrate(url)
            stores[size] = opened.enter_context(closing(Database(url, Path(folder) / str(size))))
            copy(url, size)
            growth.make_segments(stores[size], size)
        results = growth.measure(stores, time.perf_counter)
    growth.report(sizes, results, "ms")


def copy(url, size):
    """Fill by COPY, without triggers: ten times as fast as the product's own statements."""
    import psycopg

    from tests.postgres_filling import Filling

    with psycopg.connect(url) as driver:
        filling = Filling(driver)
        source = growth.contacts(random.Random(1), size)
        for begin in range(0, size, growth.BATCH):
            growth.progress(f"{begin:,} of {size:,} contacts")
            filling.write(begin + 1, list(islice(source, growth.BATCH)))
        filling.finish()
        driver.commit()
        driver.autocommit = True
        driver.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
