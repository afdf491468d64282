"""Schemathesis sends valid and invalid requests, made from the document, to a running server.

Short in `make test` and longer in `make soak`, always the same; `make fuzz` sends something new
for ten minutes.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database.sqlite.locks import sole_lock
from app.settings import load
from tests.conftest import ROOT, StartServer, clean_environ

SECONDS = os.environ.get("FUZZ_SECONDS")
CONFIG = Path(__file__).with_name("schemathesis.toml").read_text()
# Filters have two thousand systematic cases, and long texts take long to make: here, in a search
# and a patch, random ones do.
SHORT = """
[[operations]]
include-operation-id = ["postContactsSearch", "postContactMatch", "patchContact"]
phases.coverage.enabled = false
"""


@pytest.fixture
def undelivered(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose webhooks are sent nothing, so that no made-up host is looked up."""
    settings = load({}, data=tmp_path / "undelivered")
    settings.data.mkdir()
    with sole_lock(settings.data / "deliverer.lock") as is_sole:
        assert is_sole
        yield settings.data


@pytest.mark.parametrize(
    "extent",
    [
        pytest.param(["--phases", "examples,fuzzing", "--max-examples", "3"], id="short"),
        pytest.param(["--max-examples", "20"], id="long", marks=pytest.mark.soak),
    ],
)
def test_schemathesis_finds_no_failure(
    start_server: StartServer, undelivered: Path, tmp_path: Path, extent: list[str]
) -> None:
    server = start_server(data=undelivered)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG if SECONDS else CONFIG + SHORT)
    much = ["--max-time", SECONDS] if SECONDS else ["--seed", "1", *extent]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *("--header", f"Authorization: Bearer {server.key}", "--no-color"),
        # How fast it makes its cases says only how busy the machine is.
        *("--suppress-health-check", "all", "--generation-database", "none"),
        *(*much, f"{server.url}/openapi.json"),
    ]
    environ = clean_environ(
        PYTHONPATH=str(ROOT),
        PYTHONHASHSEED="0",
        SCHEMATHESIS_HOOKS="tests.api_docs.fuzz_hooks",
    )
    finished = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ)
    assert finished.returncode == 0, finished.stdout + finished.stderr
