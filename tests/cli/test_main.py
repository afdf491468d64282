"""The command as a whole: help, version, and errors in one line."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from app.settings import Settings
from tests.conftest import clean_environ, run_contacts, run_contacts_process

COMMANDS = [
    [],
    ["serve"],
    ["keys"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["openapi"],
    ["backup"],
    ["restore"],
    ["doctor"],
    ["import"],
    ["export"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command) or "contacts")
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_a_help_page(command: list[str], option: str) -> None:
    finished = run_contacts(*command, option)
    assert finished.returncode == 0
    assert finished.stderr == ""
    assert finished.stdout.startswith("Usage: ")
    assert "--help" in finished.stdout


def test_help_of_serve_shows_the_defaults() -> None:
    text = " ".join(run_contacts("serve", "--help").stdout.split())
    for name in ("host", "port", "workers", "threads"):
        assert re.search(rf"--{name} TEXT [^-]*\[default: {getattr(Settings, name)}\]", text)


def test_help_names_the_next_commands() -> None:
    result = run_contacts("--help").stdout
    assert "contacts serve" in result
    assert "contacts keys create" in result


@pytest.mark.parametrize("command", [[], ["keys"]], ids=["contacts", "keys"])
def test_a_group_alone_shows_its_help(command: list[str]) -> None:
    finished = run_contacts(*command)
    assert finished.returncode == 0
    assert "Commands:" in finished.stdout
    assert finished.stderr == ""


def test_shows_its_version() -> None:
    finished = run_contacts("--version")
    assert finished.returncode == 0
    assert re.search(rf"\b{re.escape(version('contacts-service'))} \(commit ", finished.stdout)


@pytest.mark.parametrize("extent", ["short", pytest.param("long", marks=pytest.mark.soak)])
def test_every_command_runs_in_a_process_of_its_own(tmp_path: Path, extent: str) -> None:
    """The short form leaves out commands that `tests/docs/test_examples.py` runs as processes."""
    data, file, copy = tmp_path / "data", tmp_path / "people.csv", tmp_path / "copy.db"
    file.write_text("phone,first_name\n918856879188,Priya\n")

    def run(*arguments: str | Path) -> str:
        finished = run_contacts_process(*arguments, CONTACTS_DATA=str(data))
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    assert run("keys", "create", "--label", "crm").startswith("ak_live_")
    [key] = json.loads(run("keys", "list", "--json"))
    assert key["label"] == "crm"
    run("keys", "revoke", key["id"])
    if extent == "long":
        assert "1 created" in run("import", file, "--yes")
        assert "918856879188" in run("export")
        assert run("doctor").splitlines()[-1].startswith("0 problems, ")
        assert json.loads(run("openapi"))["info"]["title"]
    contacts = 1 if extent == "long" else 0
    assert run("backup", copy).startswith(f"Backed up {contacts} contact")
    assert f"Restored {contacts} contact" in run("restore", copy)


def test_the_installed_command_prints_the_same_version() -> None:
    command = Path(sys.executable).with_name("contacts")
    finished = subprocess.run(
        [command, "--version"], capture_output=True, text=True, timeout=60, env=clean_environ()
    )
    assert finished.stdout == run_contacts("--version").stdout


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (["--bogus"], "--bogus"),
        (["bogus"], "bogus"),
        (["serve", "--prot", "1"], "--port"),
        (["serve", "more"], "more"),
        (["serve", "--port"], "--port"),
        (["keys", "bogus"], "bogus"),
        (["keys", "create"], "--label"),
        (["keys", "create", "--label", "x", "--scope", "everything"], "contacts:read"),
        (["keys", "revoke"], "ID"),
        (["keys", "list", "--jsn"], "--json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_reports_a_wrong_command_line_in_one_line(
    tmp_path: Path, command: list[str], word: str
) -> None:
    finished = run_contacts(*command, CONTACTS_DATA=str(tmp_path / "data"))
    assert finished.returncode == 2
    assert finished.stdout == ""
    [line] = finished.stderr.splitlines()
    assert line.startswith("contacts: ")
    assert word in line
    assert not (tmp_path / "data").exists()
