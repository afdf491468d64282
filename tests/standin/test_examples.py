"""Runs the examples of `docs/stand-in.md` unchanged."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contacts_standin import StandIn
from tests.conftest import ROOT, clean_environ

PAGE = (ROOT / "docs" / "stand-in.md").read_text()


def example(language: str) -> str:
    """Return the last example in a language; `tests/docs` runs the others."""
    *_, text = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return text


def run(folder: Path, *command: str, **environ: str) -> str:
    environ = clean_environ(**{"PYTHONPATH": str(ROOT)} | environ)
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environ, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_example_passes(tmp_path: Path) -> None:
    """The reader's project may have a package `app` too."""
    (tmp_path / "app.py").write_text("raise RuntimeError('not the service')")
    (tmp_path / "test_sync.py").write_text(example("python"))
    command = [sys.executable, "-m", "pytest", "-p", "contacts_standin", "test_sync.py"]
    for path in (str(ROOT), f"{tmp_path}{os.pathsep}{ROOT}"):
        # The plugins of our own tests take seconds to load.
        only = {"PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        assert "1 passed" in run(tmp_path, *command, **only)


def test_the_plugin_imports_nothing_until_it_is_used(tmp_path: Path) -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import contacts_standin; "
        "print(sorted(set(sys.modules) - before))"
    )
    assert run(tmp_path, sys.executable, "-c", program) == "['contacts_standin']\n"


def test_runs_where_pytest_is_not_installed(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['pytest'] = None\n"
        "import contacts_standin\n"
        "with contacts_standin.running() as api: print(api.requests)"
    )
    assert run(tmp_path, sys.executable, "-c", program) == "[]\n"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_shell_example_prints_a_contact(tmp_path: Path) -> None:
    program = tmp_path / "contacts"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m app "$@"\n')
    program.chmod(0o700)
    (tmp_path / "test.sh").write_text(example("sh"))
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    output = run(tmp_path, "sh", "test.sh", PATH=path, TMPDIR=str(tmp_path))
    assert "cnt_918856879188" in output
    assert not list(tmp_path.glob("contacts-stand-in-*"))


@pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
def test_the_node_example_passes(tmp_path: Path, contacts_standin: StandIn) -> None:
    (tmp_path / "sync.test.js").write_text(example("js"))
    assert "# pass 1" in run(tmp_path, "node", "--test", API_URL=contacts_standin.url)
    assert [each["status"] for each in contacts_standin.requests] == [201, 503, 503]
