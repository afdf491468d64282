"""`make release` refuses what is not ready; the forms of the service install and answer."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RELEASE = ROOT / "deploy" / "release"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_refuses_a_version_that_is_not_prepared() -> None:
    finished = run(sys.executable, RELEASE / "release.py", "99.0.0")
    assert finished.returncode == 1
    assert "set it to 99.0.0" in finished.stderr
    assert "CHANGELOG.md has no heading" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_table_of_the_readme_names_what_exists() -> None:
    page = (ROOT / "README.md").read_text()
    table = page[page.index("## Install") : page.index("make test")]
    for target in re.findall(r"`make ([a-z-]+)`", table):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for path in re.findall(r"deploy/[\w.-]+", table):
        assert (ROOT / path).is_file(), path


def test_the_image_has_what_a_build_needs() -> None:
    """A path that `.dockerignore` leaves out is missing in the build only."""
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    sources = re.search(r"^SOURCES = \((.+)\)$", (RELEASE / "wheel.py").read_text(), re.MULTILINE)
    assert sources
    needed = {
        *re.findall(r'"([\w.]+)"', sources[1]),
        "app",
        "constraints.txt",
        "deploy",
        "Makefile",
    }
    assert needed <= set(kept)


@pytest.mark.soak
def test_the_binary_runs_every_command() -> None:
    built = run("make", "binary", f"PYTHON={sys.executable}")
    assert built.returncode == 0, built.stderr[-2000:]
    assert "starts, answers, imports, exports and backs up" in built.stdout
