"""Calls an installed service as a user does: `smoke.py contacts`, in whatever form it is installed.

    python deploy/release/smoke.py dist/contacts-0.1.0-linux-x86_64

Standard library alone, so that it runs outside of the checkout's environment.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

ADDRESS = re.compile(r"http://[\d.:]+")
COMMANDS = (
    *("backup", "check", "doctor", "export", "import", "keys"),
    *("openapi", "restore", "self-check", "serve", "webhooks"),
)
# Nothing of the checkout reaches what is installed.
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONPATH", "VIRTUAL_ENV") and not name.startswith("CONTACTS_")
} | {"CONTACTS_LOG_LEVEL": "warning"}


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and return what it prints; a failure stops the smoke test."""
    return subprocess.run(
        command, cwd=cwd, env=ENVIRON, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


@contextmanager
def serving(program: Sequence[str], data: Path, *options: str) -> Iterator[str]:
    """Start the service on a free port; gives its address, and stops it with SIGTERM."""
    command = [*program, "serve", "--port", "0", "--data", str(data), *options]
    with subprocess.Popen(
        command, cwd=data.parent, env=ENVIRON, text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        try:
            announced = next(filter(None, map(ADDRESS.search, process.stdout)), None)
            assert announced, "it does not say where it listens"
            yield announced[0]
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0, f"it ended with status {process.returncode}"


def call(url: str, key: str = "", body: object = None) -> str:
    """Send a GET, or a POST of `body`; return the body of the answer. Raises `HTTPError`."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(url, data, headers), timeout=30) as response:
        return str(response.read().decode())


def check(program: Sequence[str], folder: Path) -> None:
    """Start every command, serve, write, read, import, export, back up; raises on a failure."""
    shown = run(*program, "--help", cwd=folder)
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", shown, re.MULTILINE), f"no command {command}"
        assert "Usage:" in run(*program, command, "--help", cwd=folder)
    assert "SQLite 3." in run(*program, "--version", cwd=folder)
    run(*program, "self-check", "--port", "0", "--data", folder / "data", cwd=folder)
    data = folder / "data"
    with serving(program, data) as url:
        call(f"{url}/readyz")
        key = (data / "first-admin-key").read_text().strip()
        call(f"{url}/v1/contacts", key, {"phone": "918856879188", "first_name": "Priya"})
        assert "Priya" in call(f"{url}/v1/contacts", key)
        assert "examples" in call(f"{url}/openapi.json")
        assert "docs.js" in call(f"{url}/docs")
        (folder / "new.csv").write_text("phone,first_name\n+918856012345,Ravi\n")
        run(*program, "import", "--yes", "--data", data, folder / "new.csv", cwd=folder)
        assert "Ravi" in call(f"{url}/v1/contacts", key)
    exported = run(*program, "export", "--format", "csv", "--data", data, cwd=folder)
    assert "Priya" in exported and "Ravi" in exported
    run(*program, "backup", "--data", data, folder / "backup.db", cwd=folder)
    run(*program, "doctor", "--data", data, cwd=folder)
    with serving(program, folder / "stand-in", "--stand-in") as url:
        call(f"{url}/v1/contacts", "YOUR_API_KEY", {"phone": "918856879188"})


def ready(program: Sequence[str]) -> None:
    """Start a program that has its data folder already, such as a container, and call it."""
    command = [*program, "serve", "--port", "8799"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            assert next(filter(None, map(ADDRESS.search, process.stdout)), None)
            assert "ready" in call("http://127.0.0.1:8799/readyz")
        finally:
            process.terminate()
            process.communicate(timeout=60)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        programs = [str(Path(sys.argv[1]).resolve()), *sys.argv[2:]]
        check(programs, Path(name))
    sys.stdout.write(f"{sys.argv[1]} starts, answers, imports, exports and backs up\n")
