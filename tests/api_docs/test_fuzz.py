"""Schemathesis sends valid and invalid requests, made from the document, to a running server.

Short in `make test` and longer in `make soak`, always the same; `make fuzz` sends something new
for ten minutes.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.database import prepare_store
from app.database.sqlite.locks import sole_lock
from app.settings import load
from tests.conftest import ROOT, StartServer, clean_environ
from tests.postgres import PostgresServer

SECONDS = os.environ.get("FUZZ_SECONDS")
CONFIG = Path(__file__).with_name("schemathesis.toml").read_text()
# These have two thousand systematic cases of filters, and long texts that are slow to generate:
# only random cases are sent.
SHORT = """
[[operations]]
include-operation-id = ["postContactsSearch", "postContactMatch", "patchContact"]
phases.coverage.enabled = false
"""


@dataclass(frozen=True)
class Undelivered:
    """A store whose webhooks are sent nothing, so that no made-up host is looked up."""

    data: Path
    environ: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def undelivered(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Undelivered]:
    data = tmp_path / "undelivered"
    if engine == "sqlite":
        settings = load({}, data=data)
        settings.data.mkdir()
        with sole_lock(settings.data / "deliverer.lock") as is_sole:
            assert is_sole
            yield Undelivered(data)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.create()
    prepare_store(load({}, data=data, database_url=url))
    server.run(
        "INSERT INTO leases VALUES ('deliverer', 'nobody', clock_timestamp() + interval '1 day')",
        url.partition("@/")[2].partition("?")[0],
    )
    yield Undelivered(data, {"CONTACTS_DATABASE_URL": url})


SOAK = pytest.mark.soak
SHORTLY = ["--phases", "examples,fuzzing", "--max-examples", "3"]
FULLY = ["--max-examples", "20"]


@pytest.mark.parametrize(
    ("engine", "extent"),
    [
        pytest.param("sqlite", SHORTLY, id="short"),
        pytest.param("sqlite", FULLY, id="long", marks=SOAK),
        pytest.param("postgres", SHORTLY, id="short-postgres", marks=SOAK),
        pytest.param("postgres", FULLY, id="long-postgres", marks=SOAK),
    ],
)
def test_schemathesis_finds_no_failure(
    start_server: StartServer, undelivered: Undelivered, tmp_path: Path, extent: list[str]
) -> None:
    server = start_server(data=undelivered.data, environ=undelivered.environ)
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG if SECONDS else CONFIG + SHORT)
    much = ["--max-time", SECONDS] if SECONDS else ["--seed", "1", *extent]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
        *("--header", f"Authorization: Bearer {server.key}", "--no-color"),
        # Its health checks only measure how busy the machine is.
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
