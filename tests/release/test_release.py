"""`make release` rejects an unprepared version; the files of a release are complete and run."""

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.version import VERSION
from tests.postgres import OPTIONS, running_server

ROOT = Path(__file__).parents[2]
RELEASE = ROOT / "deploy" / "release"
OLD_DATABASE = ROOT / "tests" / "fixtures" / "postgres-schema-8.sql.gz"


def run(*command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | more
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def test_refuses_a_version_that_is_not_prepared() -> None:
    finished = run(sys.executable, RELEASE / "release.py", "99.0.0")
    assert finished.returncode == 1
    assert "set it to 99.0.0" in finished.stderr
    assert "CHANGELOG.md has no heading" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_the_table_of_the_readme_names_existing_files() -> None:
    page = (ROOT / "README.md").read_text()
    table = page[page.index("## Install") : page.index("make test")]
    for target in re.findall(r"`make ([a-z-]+)`", table):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    for path in re.findall(r"deploy/[\w.-]+", table):
        assert (ROOT / path).is_file(), path


def test_the_image_has_every_file_that_a_build_needs() -> None:
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


def test_the_sbom_names_vendored_scripts_with_their_versions() -> None:
    source = (RELEASE / "binary.py").read_text()
    [listed] = re.findall(r"^VENDORED = (.+)$", source, re.MULTILINE)
    page = (ROOT / "app" / "README.md").read_text()
    versions = dict(re.findall(r'\("([\w-]+)", "([\d.]+)"\)', listed))
    assert f"htm {versions['htm']} " in page
    assert f"Swagger UI {versions['swagger-ui-dist']}," in page


@pytest.mark.soak
def test_the_binary_runs_every_command() -> None:
    """It serves a store and a database of older versions too."""
    durable = tuple(each for each in OPTIONS if each not in ("fsync=off", "full_page_writes=off"))
    with running_server(durable) as postgres:
        url = postgres.create()
        name = url.partition("@/")[2].partition("?")[0]
        postgres.run(gzip.decompress(OLD_DATABASE.read_bytes()).decode(), name)
        built = run("make", "binary", f"PYTHON={sys.executable}", SMOKE_DATABASE_URL=url)
        assert built.returncode == 0, built.stderr[-2000:]
        assert "starts, answers, imports, exports and backs up" in built.stdout
        assert postgres.run("SELECT version FROM program", name) == [(VERSION,)]
