"""`contacts self-check`, and what `contacts --version` names."""

import json
import platform
import socket
import sqlite3

from tests.conftest import run_contacts


def test_checks_the_installation_in_five_lines_and_changes_nothing(tmp_path):
    finished = run_contacts("self-check", "--port", "0", "--data", tmp_path / "new")
    lines = finished.stdout.splitlines()
    assert finished.returncode == 0
    assert [line[9:].split(":")[0] for line in lines] == [
        "program",
        "SQLite",
        "data folder",
        "free space",
        "address",
    ]
    assert not (tmp_path / "new").exists()


def test_reports_an_address_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        finished = run_contacts("self-check", "--port", port, "--data", tmp_path, "--json")
    report = json.loads(finished.stdout)
    [problem] = [each for each in report["findings"] if each["state"] == "problem"]
    assert finished.returncode == 1 and report["ok"] is False
    assert problem["check"] == "address" and str(port) in problem["text"]


def test_reports_a_data_folder_that_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    finished = run_contacts("self-check", "--port", "0", "--data", tmp_path / "file" / "data")
    assert finished.returncode == 1
    assert "problem  data folder" in finished.stdout


def test_version_names_the_commit_python_and_sqlite():
    shown = run_contacts("--version").stdout
    assert f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}" in shown
    assert "(commit " in shown
