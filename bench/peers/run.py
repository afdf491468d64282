"""The service beside other ways to keep contacts over HTTP, each in the style of its tutorial.

All servers run on this machine and are asked in turn, round by round, so that the ratios hold
while its speed drifts. `make bench-peers` installs the peers into a folder of their own.

The service checks a key, limits, logs and counts each request, journals each write, and syncs it.
Its peers have none of that. FastAPI and Django REST sync each commit, as SQLite does by default;
PocketBase and json-server do not.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.load import fill, free_port, measure, progress, server

HERE = Path(__file__).parent
SCENARIOS = ("create", "GET 20", "GET 100", "GET tag", "batch of 100")
TAGS = ("Lead", "High-Priority")
WITH_TAG = quote('tags:each ?= "Lead"')  # PocketBase's filter.
FILL = """
import json, sys
from {module} import fill
fill(json.load(sys.stdin))
"""


class Peer:
    """A server to start on a port and a folder, and the paths that the scenarios ask for."""

    def __init__(self, paths, command, prepare, environ=None):
        self.paths = dict(zip(SCENARIOS, paths, strict=False))
        self.command = command
        self.prepare = prepare
        self.environ = environ or {}


def contacts(count):
    return [
        {
            "phone": f"9188{number:08d}",
            "first_name": "Priya",
            "last_name": "Sharma",
            "email": "priya@example.com",
            "tags": list(TAGS),
            "custom_fields": {"shopify_id": "cust_29813a", "acquisition_source": "AdWords"},
        }
        for number in range(count)
    ]


def peers(tools):
    """Return the peers by name; `tools` is the folder that `make bench-peers` fills."""
    python, environ = tools / "python" / "bin", {"PYTHONPATH": str(HERE)}

    def in_python(module):
        def prepare(folder, _, count):
            subprocess.run(
                [python / "python", "-c", FILL.format(module=module)],
                input=json.dumps(contacts(count)),
                text=True,
                check=True,
                env=os.environ | environ | {"PEER_DATA": str(folder)},
            )

        return prepare

    lists = ("/contacts?limit=20", "/contacts?limit=100", "/contacts?tag=Lead")
    records = "/api/collections/contacts/records"
    return {
        "PocketBase": Peer(
            (
                records,
                f"{records}?perPage=20",
                f"{records}?perPage=100",
                f"{records}?perPage=20&filter={WITH_TAG}",
                "/api/batch",
            ),
            lambda port, folder: [
                *(python / "pocketbase", "serve", f"--http=127.0.0.1:{port}"),
                *(f"--dir={folder}", f"--migrationsDir={HERE / 'pocketbase_migrations'}"),
            ],
            fill_pocketbase,
        ),
        "FastAPI": Peer(
            ("/contacts", *lists),
            lambda port, _: [
                *(python / "uvicorn", "fastapi_app:app", "--port", str(port), "--workers", "2"),
                *("--log-level", "warning", "--no-access-log"),
            ],
            in_python("fastapi_app"),
            environ,
        ),
        "Django REST": Peer(
            ("/contacts/", *(each.replace("?", "/?") for each in lists)),
            lambda port, _: [
                *(python / "gunicorn", "django_app:application", "-b", f"127.0.0.1:{port}"),
                *("--workers", "2", "--threads", "8"),
            ],
            in_python("django_app"),
            environ,
        ),
        "json-server": Peer(
            (
                *("/contacts", "/contacts?_page=1&_limit=20", "/contacts?_page=1&_limit=100"),
                "/contacts?_page=1&_limit=20&tags_like=Lead",
            ),
            lambda port, folder: [
                *(tools / "node_modules" / ".bin" / "json-server", "--quiet"),
                *("--port", str(port), folder / "db.json"),
            ],
            lambda folder, _, count: (folder / "db.json").write_text(
                json.dumps(
                    {"contacts": [{"id": n} | each for n, each in enumerate(contacts(count), 1)]}
                )
            ),
        ),
    }


def fill_json_server(folder, _, count):
    rows = [{"id": number} | each for number, each in enumerate(contacts(count), 1)]
    (folder / "db.json").write_text(json.dumps({"contacts": rows}))


def fill_pocketbase(_, url, count):
    """Store contacts through the running server, the way its own batches do."""
    rows = contacts(count)
    with closing(http.client.HTTPConnection(urlsplit(url).netloc)) as connection:
        for start in range(0, count, 100):
            body = {
                "requests": [
                    {"method": "POST", "url": "/api/collections/contacts/records", "body": each}
                    for each in rows[start : start + 100]
                ]
            }
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/api/batch", json.dumps(body), headers)
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 200, answer


@contextmanager
def running(peer, folder, count):
    """Run a peer with so many contacts; gives its base URL and process id."""
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    if peer.prepare is not fill_pocketbase:
        peer.prepare(folder, url, count)
    environ = os.environ | peer.environ | {"PEER_DATA": str(folder)}
    with folder.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            [str(each) for each in peer.command(port, folder)],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port)
        if peer.prepare is fill_pocketbase:
            peer.prepare(folder, url, count)
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port):
    for _ in range(400):
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/")
                connection.getresponse().read()
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("A peer does not start: see its log")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tools", type=Path, help="the folder that make bench-peers fills")
    parser.add_argument("--contacts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("bench/peers needs wrk: run 'apt-get install wrk' or 'brew install wrk' first")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        key, _ = fill(folder / "ours", options.contacts)
        servers = {
            "ours": (
                stack.enter_context(server("wsgi:app", {}, folder / "ours")),
                {
                    "create": "/v1/contacts",
                    "GET 20": "/v1/contacts?limit=20",
                    "GET 100": "/v1/contacts?limit=100",
                    "GET tag": "/v1/contacts?tag=Lead",
                    "batch of 100": "/v1/contacts/batch",
                },
            ),
            "hello": (
                stack.enter_context(server("bench.hello:app", {}, folder / "hello")),
                dict.fromkeys(SCENARIOS[:-1], "/"),
            ),
        }
        for name, peer in peers(options.tools.resolve()).items():
            progress(f"starting {name}")
            started = running(peer, folder / name.replace(" ", "-"), options.contacts)
            servers[name] = stack.enter_context(started), peer.paths
        report(run(servers, key, options), list(servers), options)


def run(servers, key, options):
    """Return the runs by scenario and server, in the order of the rounds."""
    results, seed = {}, 0
    for round_number in range(options.rounds):
        for scenario in SCENARIOS:
            for name, ((url, pid), paths) in servers.items():
                if scenario not in paths:
                    continue
                seed += 1
                progress(f"round {round_number + 1}: {scenario}, {name}")
                kind = {"create": "create", "batch of 100": "batch"}.get(scenario, "get")
                if kind == "batch" and name != "ours":
                    kind = "pocketbase_batch"
                load = (options.contacts, seed, options.seconds)
                connections = 4 if "batch" in kind else options.connections
                found = measure(
                    url + paths[scenario], pid, kind, key, *load, connections, may_fail=True
                )
                results.setdefault((scenario, name), []).append(found)
    progress("")
    return results


def report(results, names, options):
    print(
        f"{options.contacts} contacts, {options.connections} connections (batches: 4), "
        f"medians of {options.rounds} rounds of {options.seconds} s"
    )
    print(
        f"{'':14}{'':13} {'req/s':>8} {'p99 ms':>8} {'cpu ms':>8} {'failed':>7}   "
        f"{'ours: req/s':>11} {'cpu':>6} {'p99':>6}  (of this one)"
    )
    for scenario in SCENARIOS:
        ours = results[scenario, "ours"]
        for name in names:
            if runs := results.get((scenario, name)):
                figures = [median([getattr(each, what) for each in runs]) for what in FIGURES]
                ratios = [
                    median(
                        [
                            getattr(mine, what) / getattr(other, what)
                            for mine, other in zip(ours, runs, strict=True)
                            if getattr(other, what)
                        ]
                    )
                    for what in ("rate", "cpu", "p99")
                ]
                print(
                    "{:14}{:13} {:8.0f} {:8.1f} {:8.2f} {:7.1%}   {:11.2f} {:6.2f} {:6.2f}".format(
                        scenario, name, *figures, *ratios
                    )
                )


FIGURES = ("rate", "p99", "cpu", "failed")


def median(figures):
    return statistics.median(figures) if figures else float("nan")


if __name__ == "__main__":
    main()
