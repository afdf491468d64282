"""Builds the wheel, installs it outside the checkout, starts it and calls it: `make wheel`.

What a wheel lacks, such as a migration or a static file, shows only there. Standard library alone.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("setup.py", "setup.cfg", "README.md", "LICENSE", "contacts_standin.py")
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
ADDRESS = re.compile(r"http://[\d.:]+")
# Nothing of the checkout reaches what is installed.
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTHONPATH", "VIRTUAL_ENV") and not name.startswith("CONTACTS_")
} | {"CONTACTS_LOG_LEVEL": "warning"}


def run(*command: str | Path, cwd: Path) -> str:
    return subprocess.run(
        command, cwd=cwd, env=ENVIRON, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


def build(folder: Path) -> Path:
    """Build from a copy, so that nothing left over from an earlier build gets in."""
    sources = folder / "sources"
    shutil.copytree(ROOT / "app", sources / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, sources)
    run(sys.executable, *PIP, "wheel", "--no-deps", "-w", folder, sources, cwd=folder)
    [wheel] = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Every file of `app/` is in it, but for pages; beside that only the pytest plugin."""
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").rglob("*")
        if path.is_file() and path.suffix not in (".md", ".pyc")
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted.add("contacts_standin.py")
    assert found == wanted, f"lacks {wanted - found}; should not have {found - wanted}"


def install(wheel: Path, folder: Path) -> Path:
    """Install it into an environment of its own; return the folder of its programs."""
    venv.create(folder / "environment", with_pip=True)
    programs = folder / "environment" / "bin"
    constraints = ("-c", ROOT / "constraints.txt")
    run(programs / "python", *PIP, "install", *constraints, wheel, cwd=folder)
    run(programs / "python", *PIP, "check", cwd=folder)
    return programs


@contextmanager
def serving(programs: Path, data: Path) -> Iterator[str]:
    """Start the service on a free port; gives its address."""
    command = [programs / "contacts", "serve", "--port", "0", "--data", data]
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
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    data = json.dumps(body).encode() if body else None
    with urlopen(Request(url, data, headers), timeout=30) as response:
        return str(response.read().decode())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        check_contents(wheel)
        programs = install(wheel, folder)
        assert "serve" in run(programs / "contacts", "--help", cwd=folder)
        data = folder / "data"
        with serving(programs, data) as url:
            call(f"{url}/readyz")
            key = (data / "first-admin-key").read_text().strip()
            call(f"{url}/v1/contacts", key, {"phone": "918856879188", "first_name": "Priya"})
            assert "Priya" in call(f"{url}/v1/contacts", key)
            assert "examples" in call(f"{url}/openapi.json")
            assert "docs.js" in call(f"{url}/docs")
        sys.stdout.write(f"{wheel.name} installs, starts and answers\n")


if __name__ == "__main__":
    main()
