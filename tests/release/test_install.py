"""Each line of the README's table installs the service in an empty home folder, where it runs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.soak


def _table() -> dict[str, list[str]]:
    """Return the cells of each line of the README's table by its first one."""
    page = (ROOT / "README.md").read_text()
    lines = page[page.index("| form |") : page.index("`contacts self-check`")].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    return {first: rest for first, *rest in cells}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose home is empty, on a free port."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONTACTS_", "XDG_", "VIRTUAL_ENV", "PYTHON"))
    }
    return kept | {"HOME": str(tmp_path), "CONTACTS_PORT": "0"}


def _run(*command: str | Path, cwd: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]


@contextmanager
def _served(*command: str | Path, cwd: Path, environ: dict[str, str]) -> Iterator[str]:
    """Start a server and yield its address; then stop its process group."""
    with subprocess.Popen(
        command, cwd=cwd, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            found = (re.search(r"http://[\d.]+:\d+", line) for line in process.stdout)
            address = next(filter(None, found), None)
            assert address, "it ended without an address"
            yield address[0]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=60)


def _write_and_read(url: str, data: Path) -> None:
    assert (data / "contacts.db").is_file()
    key = (data / "first-admin-key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}"}
    contacts = f"{url}/v1/contacts"
    sent = requests.post(contacts, json={"phone": "918856879188"}, headers=headers, timeout=30)
    assert sent.status_code == 201
    assert requests.get(contacts, headers=headers, timeout=30).json()["pagination"]["total"] == 1


def test_the_table_has_the_forms_that_are_tested() -> None:
    """`test_release.py` tries the binary and `test_deploy.py` what a container needs."""
    assert set(_table()) == {"source", "one file", "container", "pipx or uv"}


def test_the_source_runs(tmp_path: Path, environ: dict[str, str]) -> None:
    run, data, _ = _table()["source"]
    checkout = tmp_path / "checkout"
    _run("git", "clone", "-q", ROOT, checkout, cwd=tmp_path, environ=environ)
    command = [*run.strip("`").split(), f"PYTHON={sys.executable}"]
    with _served(*command, cwd=checkout, environ=environ) as url:
        _write_and_read(url, checkout / data.strip("`"))


@pytest.mark.parametrize("installer", ["pipx", "uv"])
def test_an_installer_installs_the_service(
    installer: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    run, data, _ = _table()["pipx or uv"]
    tools = tmp_path / "tools"
    _run(sys.executable, "-m", "venv", tools, cwd=tmp_path, environ=environ)
    pip = (tools / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, installer, cwd=tmp_path, environ=environ)
    [command] = [each for each in re.findall("`([^`]+)`", run) if each.startswith(installer)]
    environ["PATH"] = f"{tools / 'bin'}:{tmp_path / '.local' / 'bin'}:{environ['PATH']}"
    checkout = tmp_path / "checkout"
    _run("git", "clone", "-q", ROOT, checkout, cwd=tmp_path, environ=environ)
    _run(*command.split(), cwd=checkout, environ=environ)
    program = tmp_path / ".local" / "bin" / "contacts"
    with _served(program, "serve", cwd=tmp_path, environ=environ) as url:
        _write_and_read(url, Path(data.strip("`").replace("~", str(tmp_path))))
