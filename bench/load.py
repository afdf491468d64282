"""Speed and cost of a request, beside those of Flask's hello and of raw WSGI.

Processor time and context switches are those of all processes of a server, for each request: the
figures that hold on a noisy machine.

All servers run under the same gunicorn settings and are asked in turn, round by round, so that
the ratios hold while the machine's speed drifts. Needs wrk.
"""

import argparse
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
SCENARIOS = {
    "create": ("create", "/v1/contacts"),
    "update": ("update", "/v1/contacts"),
    "create + update": ("mixed", "/v1/contacts"),
    "unchanged": ("unchanged", "/v1/contacts"),
    "GET 20": ("get", "/v1/contacts"),
    "GET 100": ("get", "/v1/contacts?limit=100"),
    "GET tag": ("get", "/v1/contacts?tag=Lead"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(target, environ, folder):
    """Run `gunicorn target` with the service's own settings; gives its base URL and process id."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", target]
    environ = os.environ | environ | {"PYTHONPATH": str(ROOT), "CONTACTS_DATA": str(folder)}
    with folder.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        time.sleep(1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def fill(folder, contacts):
    """Store the contacts that the load asks for; return a key without a limit and one with."""
    from app import settings as settings_module
    from app.api_keys.handlers import create_api_key
    from app.api_keys.model import DEFAULT_SCOPES
    from app.contacts import store
    from app.contacts.model import Contact
    from app.database.sqlite.store import Database
    from app.serving.startup import prepare

    settings = settings_module.load({}, data=folder)
    prepare(settings)
    db = Database(settings.database)
    now = "2026-06-02T08:00:00Z"
    fields = {"shopify_id": "cust_29813a", "acquisition_source": "AdWords"}
    with db.transaction() as tx:
        store.insert_contacts(
            tx,
            (
                Contact(
                    f"9188{number:08d}",
                    now,
                    now,
                    "Priya",
                    "Sharma",
                    "priya@example.com",
                    ("Lead", "High-Priority"),
                    fields,
                )
                for number in [*range(contacts), contacts + 100]
            ),
        )
    keys = [
        create_api_key(db, label="bench", scopes=DEFAULT_SCOPES, rate_limit=limit)
        for limit in (0, 1_000_000)
    ]
    db.close()
    return keys


@dataclass
class Measured:
    """One run: `cpu` is processor time and `switches` context switches, both for each request.

    `failed` is the part of the requests that failed.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    switches: float
    failed: float


def measure(url, pid, scenario, key, contacts, seed, seconds, connections, *, may_fail=False):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", HERE / "load.lua", url]
    command += ["--", scenario, key, str(contacts), str(seed)]
    before = processor_seconds(pid), context_switches(pid)
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = processor_seconds(pid), context_switches(pid)
    rate, p50, p99, failed, requests = map(float, re.search(r"RESULT (.*)", output)[1].split())
    if failed and not may_fail:
        raise SystemExit(f"{failed:.0f} requests failed: {scenario} on {url}\n{output}")
    requests = max(requests, 1)
    cpu, switches = ((now - then) / requests for now, then in zip(after, before, strict=True))
    return Measured(rate, p50, p99, cpu * 1000, switches, failed / requests)


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text:60}\r")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("bench/load.py needs wrk: run 'apt-get install wrk' or 'brew install wrk' first")
    seed = 0
    results = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key, limited_key = fill(folder / "data", options.contacts)
        servers = {
            "ours": server("wsgi:app", {}, folder / "data"),
            "hello": server("bench.hello:app", {}, folder / "hello"),
            "raw": server("bench.raw:app", {}, folder / "raw"),
        }
        running = {who: stack.enter_context(each) for who, each in servers.items()}
        for round_number in range(options.rounds):
            for name, (scenario, path) in SCENARIOS.items():
                for who, (url, pid) in running.items():
                    seed += 1
                    progress(f"round {round_number + 1}: {name}, {who}")
                    url += path if who == "ours" else ""
                    load = (options.contacts, seed, options.seconds, options.connections)
                    found = measure(url, pid, scenario, key, *load)
                    results.setdefault((name, who), []).append(found)
        ours, pid = running["ours"]
        cost = limit_cost(ours + "/v1/contacts", pid, (key, limited_key), options)
    progress("")
    report(results, options)
    print(f"{'rate limit':16} costs {cost:.1%} of the processor time of GET 20")


def report(results, options):
    print(
        f"{options.contacts} contacts, {options.connections} connections, "
        f"medians of {options.rounds} rounds of {options.seconds} s"
    )
    print(
        f"{'':16} {'req/s':>7} {'p50 ms':>7} {'p99 ms':>7} {'cpu ms':>7} {'switches':>8}   "
        f"{'req/s of hello':>14} {'of raw':>7} {'p99 of hello':>12} {'cpu of hello':>12} "
        f"{'switches of hello':>17}"
    )
    for name in SCENARIOS:
        ours, hello, raw = (results[name, who] for who in ("ours", "hello", "raw"))
        figures = [median(ours, what) for what in ("rate", "p50", "p99", "cpu", "switches")]
        ratios = [
            ratio(ours, hello, "rate"),
            ratio(ours, raw, "rate"),
            ratio(ours, hello, "p99"),
            ratio(ours, hello, "cpu"),
            ratio(ours, hello, "switches"),
        ]
        print(
            "{:16} {:7.0f} {:7.2f} {:7.2f} {:7.2f} {:8.1f}   "
            "{:14.2f} {:7.2f} {:12.2f} {:12.2f} {:17.2f}".format(name, *figures, *ratios)
        )


def median(runs, what):
    return statistics.median(getattr(each, what) for each in runs)


def ratio(mine, others, what):
    """Return the median of the ratios of runs that followed each other."""
    return statistics.median(
        getattr(one, what) / getattr(other, what) for one, other in zip(mine, others, strict=True)
    )


def limit_cost(url, pid, keys, options):
    """Return what a rate limit adds to the processor time of a GET of 20, as a part of it.

    Keys without and with a limit ask in turn, in short runs whose order changes. Processor time
    says more than requests a second here: it drifts less than the machine's speed.
    """
    costs = []
    for pair in range(4 * options.rounds):
        spent = {}
        for key in keys if pair % 2 else keys[::-1]:
            found = measure(url, pid, "get", key, options.contacts, pair, 1, options.connections)
            spent[key] = found.cpu
        costs.append(spent[keys[1]] / spent[keys[0]] - 1)
    return statistics.median(costs)


def processes(pid):
    """Return a server's process and its workers (Linux, proc(5))."""
    return [pid, *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def processor_seconds(pid):
    ticks = 0
    for process in processes(pid):
        user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def context_switches(pid):
    """Count the switches of all threads there are now, voluntary or not."""
    return sum(
        int(line.split()[1])
        for process in processes(pid)
        for status in Path(f"/proc/{process}/task").glob("*/status")
        for line in status.read_text().splitlines()
        if "ctxt_switches" in line
    )


if __name__ == "__main__":
    main()
