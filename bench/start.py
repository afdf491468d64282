"""Seconds from the start of a server to its first answer, of a stand-in beside Flask's hello.

Both run under gunicorn with as many workers and threads, are started in turn, and are asked until
they answer; the ratio of their medians holds while the machine's speed drifts.
"""

import argparse
import http.client
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.load import free_port, progress

ROOT = Path(__file__).parent.parent


def hello(port):
    options = ["-b", f"127.0.0.1:{port}", "-w", "2", "--threads", "4", "bench.hello:app"]
    return ["-m", "gunicorn", *options], "/", {}


def stand_in(port):
    options = ["--stand-in", "--port", str(port), "--threads", "4"]
    return ["-m", "app", "serve", *options], "/v1/contacts", {}


def normal(port):
    options = ["--port", str(port), "--workers", "2", "--threads", "4"]
    folder = tempfile.mkdtemp(dir=os.environ["TMPDIR"])
    return ["-m", "app", "serve", *options], "/v1/contacts", {"CONTACTS_DATA": folder}


SERVERS = {"hello": hello, "stand-in": stand_in, "normal": normal}


def first_answer(name, folder):
    """Return the seconds until a server answers, and those that it kept a processor busy."""
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
    finally:
        process.terminate()
        process.wait(30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def answers(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": "Bearer YOUR_API_KEY"})
        connection.getresponse().read()
        return True
    except OSError:
        return False
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    found = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder
        for number in range(options.rounds):
            for name in SERVERS:
                progress(f"round {number + 1}: {name}")
                found[name].append(first_answer(name, folder))
    progress("")
    print(f"start to first answer, medians of {options.rounds}; goal: 1.3 of hello")
    base = statistics.median(seconds for seconds, _ in found["hello"])
    for name, each in found.items():
        seconds, busy = (statistics.median(column) for column in zip(*each, strict=True))
        fastest = min(each)[0]
        print(
            f"{name:10} {seconds:6.2f} s  {seconds / base:5.2f} of hello"
            f"  fastest {fastest:5.2f} s  processor {busy:5.2f} s until stopped"
        )


if __name__ == "__main__":
    main()
