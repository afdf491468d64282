"""`contacts doctor`: what it reports, and its exit status."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import StartServer, run_contacts, servers, store_faults
from tests.database.sqlite.stores import change

PHONE = "918856879188"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that has stopped."""
    with servers(tmp_path_factory.mktemp("stopped")) as start:
        server = start()
        server.post(phone=PHONE, first_name="Priya", tags=["Lead"], custom_fields={"plan": "pro"})
        (server.data / "first-admin-key").unlink()
        assert server.stop() == 0
        return server.data


@pytest.fixture
def data(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "data"))


def _states(text: str) -> dict[str, str]:
    lines = [line.partition(":")[0].split(None, 1) for line in text.splitlines()[:-1]]
    return {check: state for state, check in lines}


def test_reports_every_check_and_no_problem_in_a_new_store(data: Path) -> None:
    finished = run_contacts("doctor", "--data", data)
    assert (finished.returncode, finished.stderr) == (0, "")
    found = _states(finished.stdout)
    assert list(found) == [
        *("settings", "SQLite", "file system", "free space", "permissions"),
        *("schema", "integrity", "contacts", "counters", "search", "segments", "values", "clock"),
        *("write-ahead log", "left over"),
    ]
    assert {state for check, state in found.items() if check not in ("SQLite", "free space")} == {
        "ok"
    }
    assert finished.stdout.splitlines()[-1].startswith("0 problems, ")
    for name in ("Priya", PHONE, "Lead"):
        assert name not in finished.stdout


def test_finds_a_running_server_healthy(start_server: StartServer) -> None:
    server = start_server()
    server.post(phone=PHONE)
    finished = run_contacts("doctor", "--data", server.data)
    assert finished.returncode == 0
    assert _states(finished.stdout)["left over"] == "warning"
    assert server.post(phone=PHONE, first_name="Priya").status_code == 200


def test_a_problem_is_exit_status_1_until_it_is_fixed(data: Path) -> None:
    change(data / "contacts.db", "UPDATE counters SET value = 7", "DELETE FROM contact_words")
    finished = run_contacts("doctor", "--data", data)
    assert (finished.returncode, finished.stderr) == (1, "")
    assert "→ contacts doctor --fix" in finished.stdout
    assert finished.stdout.splitlines()[-1].startswith("2 problems, ")
    fixed = run_contacts("doctor", "--fix", "--data", data)
    assert "ok       fix: " in fixed.stdout
    assert store_faults(data / "contacts.db") == []
    assert run_contacts("doctor", "--data", data).returncode == 0


def test_a_fix_that_fixed_everything_is_exit_status_0(data: Path) -> None:
    change(data / "contacts.db", "DELETE FROM contact_tags")
    assert run_contacts("doctor", "--fix", "--data", data).returncode == 0


def test_reports_in_json(data: Path) -> None:
    change(data / "contacts.db", "UPDATE tags SET contacts = 9")
    finished = run_contacts("doctor", "--json", "--data", data)
    result = json.loads(finished.stdout)
    assert (finished.returncode, result["ok"]) == (1, False)
    [problem] = [each for each in result["findings"] if each["state"] == "problem"]
    assert problem["check"] == "counters"
    assert problem["advice"] == "contacts doctor --fix"


def test_warns_of_webhooks_to_every_address_and_lists_changed_settings(data: Path) -> None:
    finished = run_contacts(
        "doctor", "--data", data, CONTACTS_WEBHOOK_ALLOW_PRIVATE="0.0.0.0/0", CONTACTS_WORKERS="3"
    )
    assert _states(finished.stdout)["settings"] == "warning"
    finished = run_contacts("doctor", "--data", data, CONTACTS_WORKERS="3")
    assert "changed: CONTACTS_DATA, CONTACTS_WORKERS" in finished.stdout


@pytest.mark.parametrize("option", ["--fix", "--json"])
def test_reports_a_missing_store_in_one_line(tmp_path: Path, option: str) -> None:
    finished = run_contacts("doctor", option, "--data", tmp_path / "empty")
    assert (finished.returncode, finished.stdout) == (2, "")
    [line] = finished.stderr.splitlines()
    assert line.startswith(f"contacts: there is no store in {tmp_path / 'empty'}: ")
    assert "contacts serve" in line
    assert not (tmp_path / "empty").exists()
