"""Start and memory of a server and of a stand-in, as multiples of Flask's hello.

All run under gunicorn with as many threads, are started in turn, and are asked until they answer;
the ratio of their medians holds while the machine's speed drifts. Python keeps what it has compiled
from a first start that does not count, as it does for an installed package. The memory is that of
a worker after requests, with its part of what processes share (PSS, Linux). At the end come the
packages whose import takes longest, as `python -X importtime` counts it.
"""

import argparse
import collections
import http.client
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load import free_port, processes, progress

ROOT = Path(__file__).parent.parent


REQUESTS = 200  # Of each server, before its memory is read.


def hello_server(port):
    options = ["-b", f"127.0.0.1:{port}", "-w", "2", "--threads", "4", "bench.hello:app"]
    return ["-m", "gunicorn", *options], "/", {}


def stand_in(port):
    options = ["--stand-in", "--port", str(port), "--threads", "4"]
    return ["-m", "app", "serve", *options], "/v1/contacts", {}


def normal(port):
    options = ["--port", str(port), "--workers", "2", "--threads", "4"]
    folder = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    return ["-m", "app", "serve", *options], "/v1/contacts", {"CONTACTS_DATA": folder}


SERVERS = {"hello": hello_server, "stand-in": stand_in, "normal": normal}


def first_answer(name, folder):
    """Start a server; return seconds to its answer, of processor time, and a worker's MiB."""
    port = free_port()
    arguments, path, environ = SERVERS[name](port)
    environ = os.environ | environ | {"PYTHONPATH": str(ROOT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,  # Where no configuration of gunicorn lies.
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port, path):
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise SystemExit(f"{name} did not start")
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        kept = Path(environ.get("CONTACTS_DATA", ""), "first-admin-key")
        key = kept.read_text().strip() if kept.is_file() else "YOUR_API_KEY"
        for number in range(REQUESTS):
            answers(port, path, "POST", key, json.dumps({"phone": f"9188{number:08d}"}))
        memory = statistics.mean(map(proportional_memory, processes(process.pid)[1:]))
    finally:
        process.terminate()
        process.wait(30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, busy, memory


def proportional_memory(pid):
    """Return the MiB of a process, with its part of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss")


def answers(port, path, method="GET", key="YOUR_API_KEY", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()


def import_times(modules):
    """Return the milliseconds that importing modules takes, by package, least of three imports."""
    found = collections.defaultdict(list)
    for _ in range(3):
        command = [sys.executable, "-X", "importtime", "-c", f"import {modules}"]
        lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr
        times = collections.Counter()
        for microseconds, package in re.findall(r"import time: +(\d+) .*\| +([\w]+)", lines):
            times[package] += int(microseconds) / 1000
        for package, milliseconds in times.items():
            found[package].append(milliseconds)
    return {package: min(each) for package, each in found.items()}


def show_imports(own, hello):
    print(
        f"\nimports: {sum(own.values()):.0f} ms, of hello {sum(hello.values()):.0f}; the longest:"
    )
    for package, milliseconds in sorted(own.items(), key=lambda each: -each[1])[:8]:
        print(f"{milliseconds:6.0f} ms  {package} (hello: {hello.get(package, 0):.0f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    found = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for name in SERVERS:
            first_answer(name, folder)
        for number in range(options.rounds):
            for name in SERVERS:
                progress(f"round {number + 1}: {name}")
                found[name].append(first_answer(name, folder))
        own = import_times("app.cli.serve, app.serving.server, app.metrics, app.console")
        hello = import_times("gunicorn.app.wsgiapp, gunicorn.workers.gthread, bench.hello")
    progress("")
    print(f"medians of {options.rounds}; processor: until stopped, after {REQUESTS} requests")
    print(f"{'':10} {'first answer':>21} {'processor':>19} {'worker':>21}   of hello in brackets")
    base = medians(found["hello"])
    for name, each in found.items():
        columns = zip(medians(each), base, ("s", "s", "MiB"), strict=True)
        print(f"{name:10}", *(f"{it:10.2f} {unit} ({it / of:4.2f})" for it, of, unit in columns))
    show_imports(own, hello)


def medians(rows):
    return [statistics.median(column) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    main()
