"""Calls an installed service as a user does, in whatever form it is installed.

    python deploy/release/smoke.py dist/contacts-0.1.0-linux-x86_64

With `SMOKE_DATABASE_URL` it also serves that PostgreSQL database, which holds what
`tests/fixtures/postgres-schema-8.sql.gz` makes. Standard library alone, so that it runs outside of
the checkout's environment.
"""

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"http://[\d.:]+")
FORMATS = ("csv", "jsonl", "xlsx", "vcf")
OLD_STORE = ROOT / "tests" / "fixtures" / "store-schema-6.db.gz"
LEFT_OUT = ("PYTHONPATH", "VIRTUAL_ENV", "XDG_CACHE_HOME", "XDG_DATA_HOME")


@dataclass
class Installed:
    """A service that is called in a folder: its home, its temporary folder and all its data."""

    program: tuple[str, ...]
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.temporary.mkdir(exist_ok=True)

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def environment(self) -> dict[str, str]:
        """Return an environment in which nothing of the checkout or the user reaches it."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in LEFT_OUT and not name.startswith("CONTACTS_")
        }
        own = {"HOME": str(self.folder), "TMPDIR": str(self.temporary)}
        return kept | own | {"CONTACTS_LOG_LEVEL": "warning"} | self.environ

    def run(self, *arguments: str | Path) -> str:
        """Run a command to its end and return what it prints; a failure stops the smoke test."""
        return subprocess.run(
            (*self.program, *arguments),
            cwd=self.folder,
            env=self.environment(),
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    @contextmanager
    def serving(self, data: Path, *options: str) -> "Iterator[tuple[str, subprocess.Popen[str]]]":
        """Start the server on a free port; give its address and process, and stop it at the end."""
        command = (*self.program, "serve", "--port", "0", "--data", str(data), *options)
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                yield address_of(process), process
            finally:
                process.terminate()
                process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), f"it ended with {process.returncode}"


def address_of(process: "subprocess.Popen[str]") -> str:
    """Wait until a server prints where it listens; return that."""
    assert process.stdout
    announced = next(filter(None, map(ADDRESS.search, process.stdout)), None)
    assert announced, "it does not say where it listens"
    return announced[0]


def call(url: str, key: str = "", body: object = None) -> str:
    """Send a GET, or a POST of `body`; return the body of the answer. Raises `HTTPError`."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(url, data, headers), timeout=30) as response:
        return str(response.read().decode())


def total(url: str, key: str) -> int:
    """Return how many contacts the server has."""
    return int(json.loads(call(f"{url}/v1/contacts", key))["pagination"]["total"])


def stop_with_a_request_in_flight(
    url: str, key: str, phone: str, process: "subprocess.Popen[str]"
) -> None:
    """Send a request's head, stop the server, send its body: it must be stored and answered."""
    body = json.dumps({"phone": phone, "first_name": "Last"}).encode()
    head = (
        f"POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Expect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), 30) as link:
        link.sendall(head.encode())
        assert link.recv(1024).startswith(b"HTTP/1.1 100 "), "it does not ask for the body"
        process.terminate()
        link.sendall(body)
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 201 "), f"a stop lost a request: {answer[:200]!r}"
    process.communicate(timeout=60)


def check_commands(its: Installed) -> None:
    """Every command that docs/commands.md names explains itself; it can run here."""
    page = (ROOT / "docs" / "commands.md").read_text()
    commands = re.findall(r"^## `contacts ([a-z -]+)`$", page, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        assert "Usage:" in its.run(*command.split(), "--help")
    assert "SQLite 3." in its.run("--version")
    its.run("self-check", "--port", "0", "--data", its.folder / "data")


def check_server(its: Installed) -> str:
    """It serves contacts, the document, its page and the console; return its first key."""
    data = its.folder / "data"
    with its.serving(data) as (url, process):
        its.run("ready", "--port", str(urlsplit(url).port))
        key = (data / "first-admin-key").read_text().strip()
        call(f"{url}/v1/contacts", key, {"phone": "918856879188", "first_name": "Priya"})
        assert "Priya" in call(f"{url}/v1/contacts", key)
        assert "examples" in call(f"{url}/openapi.json")
        for page in ("/docs", "/"):
            scripts = re.findall(r'<script[^>]* src="([^"]+)"', call(f"{url}{page}"))
            assert scripts, f"{page} has no script"
            for script in scripts:
                assert call(url + script if script[0] == "/" else f"{url}/{script}")
        its.folder.joinpath("new.csv").write_text("phone,first_name\n+918856012345,Ravi\n")
        its.run("import", "--yes", "--data", data, its.folder / "new.csv")
        assert "Ravi" in call(f"{url}/v1/contacts", key)
        stop_with_a_request_in_flight(url, key, "918856012346", process)
    return key


def check_files(its: Installed) -> None:
    """Each format can be written and read; a backup can be restored and passes every check."""
    data, other = its.folder / "data", its.folder / "other"
    for ending in FORMATS:
        file = its.folder / f"contacts.{ending}"
        its.run("export", "--data", data, file)
        its.run("import", "--yes", "--add-tag", ending, "--data", other, file)
        found = its.run("export", "--format", "csv", "--where", f"tag={ending}", "--data", other)
        assert all(name in found for name in ("Priya", "Ravi", "Last")), f"{ending}: {found}"
    its.run("backup", "--data", data, its.folder / "backup.db")
    its.run("restore", "--data", its.folder / "restored", its.folder / "backup.db")
    assert "Last" in its.run("export", "--format", "csv", "--data", its.folder / "restored")
    its.run("doctor", "--data", data)


def check_old_store(its: Installed) -> None:
    """A store of an older version is migrated, served, and cleaned."""
    data = its.folder / "old"
    data.mkdir(mode=0o700)
    (data / "contacts.db").write_bytes(gzip.decompress(OLD_STORE.read_bytes()))
    (data / "contacts.db").chmod(0o600)
    key = its.run("keys", "create", "--label", "smoke", "--data", data).strip()
    with its.serving(data) as (url, _):
        assert total(url, key) == 19
    its.run("doctor", "--fix", "--data", data)
    assert "0 problems" in its.run("doctor", "--data", data)


def check_old_database(its: Installed, database: str) -> None:
    """A PostgreSQL database of an older version is migrated and served."""
    data = its.folder / "with-postgresql"
    its = Installed(its.program, its.folder, {"CONTACTS_DATABASE_URL": database})
    key = its.run("keys", "create", "--label", "smoke", "--data", data).strip()
    with its.serving(data) as (url, _):
        assert total(url, key) == 18
        call(f"{url}/v1/contacts", key, {"phone": "918856012345"})
        assert total(url, key) == 19
    assert "0 problems" in its.run("doctor", "--data", data)


def check_kill(its: Installed, key: str) -> None:
    """All its processes are killed: nothing stays in the temporary folder, and it starts again."""
    data = its.folder / "data"
    with its.serving(data) as (url, process):
        assert total(url, key) == 3  # A server that still starts tries out the temporary folder.
        os.killpg(process.pid, signal.SIGKILL)
    assert not (left := list(its.temporary.iterdir())), f"it leaves {left}"
    with its.serving(data) as (url, _):
        assert total(url, key) == 3


def check(program: tuple[str, ...], folder: Path) -> None:
    """Use every command and what is served; raises on a failure."""
    its = Installed(program, folder)
    check_commands(its)
    key = check_server(its)
    check_files(its)
    check_kill(its, key)
    with its.serving(folder / "stand-in", "--stand-in") as (url, _):
        call(f"{url}/v1/contacts", "YOUR_API_KEY", {"phone": "918856879188"})
    check_old_store(its)
    if database := os.environ.get("SMOKE_DATABASE_URL"):
        check_old_database(its, database)
    assert not (left := list(its.temporary.iterdir())), f"it leaves {left}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        check((str(Path(sys.argv[1]).resolve()), *sys.argv[2:]), Path(name))
    sys.stdout.write(f"{sys.argv[1]} starts, answers, imports, exports and backs up\n")
