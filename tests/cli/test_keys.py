"""`contacts keys`: create, list and revoke."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_contacts

KEY = re.compile(r"ak_live_[A-Za-z0-9_-]{43}\n")


BAD_DURATIONS = ["", "0d", "-1d", "90", "d", "1.5h", "90 d", "90D", "1w", "٩d", "9999999d"]


def _listed(data: Path) -> list[dict[str, Any]]:
    finished = run_contacts("keys", "list", "--json", "--data", data)
    assert finished.returncode == 0, finished.stderr
    found: list[dict[str, Any]] = json.loads(finished.stdout)
    return found


def _create(data: Path, *options: str) -> str:
    finished = run_contacts("keys", "create", *options, "--data", data)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return finished.stdout


def test_create_prints_the_key_alone_and_stores_it_nowhere(tmp_path: Path) -> None:
    printed = _create(tmp_path, "--label", "crm")
    assert KEY.fullmatch(printed)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert printed.strip().encode() not in stored
    assert _create(tmp_path, "--label", "crm") != printed


def test_create_gives_the_default_scopes(tmp_path: Path) -> None:
    _create(tmp_path, "--label", "crm")
    [key] = _listed(tmp_path)
    assert re.fullmatch(r"key_[0-9a-f]{16}", key["id"])
    assert key["label"] == "crm"
    assert key["scopes"] == ["contacts:read", "contacts:write"]
    assert (key["expires_at"], key["revoked_at"], key["last_used_at"]) == (None, None, None)


def test_create_gives_the_scopes_asked_for_once_each(tmp_path: Path) -> None:
    _create(
        tmp_path,
        *["--label", "x", "--scope", "admin", "--scope", "contacts:read", "--scope", "admin"],
    )
    assert _listed(tmp_path)[0]["scopes"] == ["admin", "contacts:read"]


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("45s", timedelta(seconds=45)),
    ],
)
def test_create_sets_the_expiry(tmp_path: Path, text: str, duration: timedelta) -> None:
    _create(tmp_path, "--label", "x", "--expires-in", text)
    expires = datetime.fromisoformat(_listed(tmp_path)[0]["expires_at"])
    assert abs(expires - datetime.now(UTC) - duration) < timedelta(seconds=10)


@pytest.mark.parametrize(
    "options",
    [
        *(["--label", "x", "--expires-in", text] for text in BAD_DURATIONS),
        ["--label", ""],
        ["--label", "  "],
        ["--label", "x" * 101],
        ["--label", "a\nb"],
        ["--label", "x", "--scope", ""],
    ],
    ids=lambda options: " ".join(options)[:40],
)
def test_create_reports_a_bad_value_in_one_line(tmp_path: Path, options: list[str]) -> None:
    finished = run_contacts("keys", "create", *options, "--data", tmp_path / "data")
    assert finished.returncode == 2
    assert finished.stdout == ""
    [line] = finished.stderr.splitlines()
    assert line.startswith("contacts: ")
    assert options[-2] in line
    assert not (tmp_path / "data").exists()


def test_create_accepts_the_longest_documented_expiry(tmp_path: Path) -> None:
    _create(tmp_path, "--label", "x", "--expires-in", "999999d")
    assert _listed(tmp_path)[0]["expires_at"] > "4000"


def test_list_shows_a_line_for_each_key_oldest_first(tmp_path: Path) -> None:
    for label in ("first", "second"):
        _create(tmp_path, "--label", label)
    keys = _listed(tmp_path)
    run_contacts("keys", "revoke", keys[0]["id"], "--data", tmp_path)
    lines = run_contacts("keys", "list", "--data", tmp_path).stdout.splitlines()
    assert len(lines) == 2
    by_label = {key["label"]: key["id"] for key in keys}
    shown = {line.split()[1]: line for line in lines}
    for label, id in by_label.items():
        assert shown[label].startswith(id)
    assert sum("  revoked 2" in line for line in lines) == 1


def test_list_shows_which_keys_have_expired(tmp_path: Path) -> None:
    _create(tmp_path, "--label", "past", "--expires-in", "1d")
    _create(tmp_path, "--label", "later", "--expires-in", "1d")
    with closing(sqlite3.connect(tmp_path / "contacts.db")) as driver, driver:
        driver.execute("UPDATE api_keys SET expires_at = '2026-01-31' WHERE label = 'past'")
    lines = run_contacts("keys", "list", "--data", tmp_path).stdout.splitlines()
    shown = {line.split()[1]: line for line in lines}
    assert "  expired 2026-01-31  " in shown["past"]
    assert "  active until 2" in shown["later"]


@pytest.mark.parametrize("command", [["list"], ["revoke", "key_0"]])
def test_reports_a_folder_without_a_store_and_changes_nothing(
    tmp_path: Path, command: list[str]
) -> None:
    folder = tmp_path / "typo"
    finished = run_contacts("keys", *command, "--data", folder)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("contacts: there is no store in")
    assert "contacts keys create" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
    assert not folder.exists()


def test_revoke_keeps_the_first_time(tmp_path: Path) -> None:
    _create(tmp_path, "--label", "x")
    [key] = _listed(tmp_path)
    for _ in range(2):
        finished = run_contacts("keys", "revoke", key["id"], "--data", tmp_path)
        assert (finished.returncode, finished.stdout) == (0, f"Revoked {key['id']}\n")
    [revoked] = _listed(tmp_path)
    assert revoked["revoked_at"] is not None
    assert revoked | {"revoked_at": None} == key


@pytest.mark.parametrize("id", ["key_0000000000000000", "", "%", "ak_live_x"])
def test_revoke_reports_an_unknown_id_in_one_line(tmp_path: Path, id: str) -> None:
    _create(tmp_path, "--label", "x")
    finished = run_contacts("keys", "revoke", id, "--data", tmp_path)
    assert (finished.returncode, finished.stdout) == (2, "")
    [line] = finished.stderr.splitlines()
    assert line.startswith("contacts: ")
    assert _listed(tmp_path)[0]["revoked_at"] is None


def test_the_folder_can_come_from_the_environment(tmp_path: Path) -> None:
    run_contacts("keys", "create", "--label", "x", CONTACTS_DATA=str(tmp_path / "data"))
    assert [key["label"] for key in _listed(tmp_path / "data")] == ["x"]


def test_a_key_that_cannot_be_printed_is_not_kept(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "app",
        "keys",
        "create",
        "--label",
        "x",
        "--data",
        str(tmp_path),
    ]
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert finished.returncode == 2
    assert finished.stderr == "contacts: cannot write the output: No space left on device\n"
    assert run_contacts("keys", "list", "--data", str(tmp_path)).stdout == ""
