"""`contacts backup` and `contacts restore`, beside real servers."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import (
    ROOT,
    SOME,
    RunningServer,
    StartServer,
    clean_environ,
    run_contacts,
    store_faults,
    wait_for_workers,
    wait_until,
)

PHONE, OTHER = "918856879188", "918856879189"


def _start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environ(),
    )


def _one_line(finished: subprocess.CompletedProcess[str]) -> str:
    assert (finished.returncode, finished.stdout) == (2, "")
    [line] = finished.stderr.splitlines()
    assert line.startswith("contacts: ")
    return line


def _made_by_time(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if re.match(r"contacts-\d", path.name)]


@contextmanager
def _posting(server: RunningServer) -> Iterator[list[str]]:
    """Post new contacts until the end; yield the phones that were acknowledged."""
    stopped, stored = threading.Event(), []

    def post() -> None:
        number = 0
        with server.session() as session:
            while not stopped.is_set():
                number += 1
                body = {"phone": f"9177{number:08d}", "tags": ["Lead", f"t{number % 9}"]}
                answer = session.post(f"{server.url}/v1/contacts", json=body, timeout=30)
                assert answer.status_code == 201
                stored.append(body["phone"])

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield stored
    finally:
        stopped.set()
        thread.join()


def test_restores_the_contacts_of_a_backup_of_a_running_server(
    start_server: StartServer, tmp_path: Path
) -> None:
    server, file = start_server(), tmp_path / "backup.db"
    with _posting(server) as stored:
        wait_until(lambda: len(stored) > 50)
        before = len(stored)
        finished = run_contacts("backup", file, "--data", server.data)
        after = len(stored)
        wait_until(lambda: len(stored) > after + 20)
    assert (finished.returncode, finished.stderr) == (0, "")
    result = re.fullmatch(r"Backed up ([\d,]+) contacts to (.*) \(\d+\.\d MB\)\n", finished.stdout)
    assert result and result[2] == str(file)
    held = int(result[1].replace(",", ""))
    assert before <= held <= after + 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert store_faults(file) == []
    server.stop()
    finished = run_contacts("restore", file, "--data", server.data)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert f"Restored {held:,} contacts" in finished.stdout
    kept = Path(finished.stdout.splitlines()[-1].removeprefix("The old store is kept: "))
    assert store_faults(kept) == []
    again = start_server(data=server.data)
    assert again.get().json()["pagination"]["total"] == held
    assert again.get(f"/v1/contacts/{stored[held - 1]}").status_code == 200
    assert again.get(f"/v1/contacts/{stored[held]}").status_code == 404


def test_restore_is_refused_while_a_server_runs(start_server: StartServer, tmp_path: Path) -> None:
    server, file = start_server(), tmp_path / "backup.db"
    assert server.post(phone=PHONE).status_code == 201
    assert run_contacts("backup", file, "--data", server.data).returncode == 0

    def refused() -> None:
        assert "is in use: stop the server" in _one_line(
            run_contacts("restore", file, "--data", server.data)
        )

    refused()
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    refused()
    server.process.send_signal(signal.SIGHUP)
    refused()
    wait_for_workers(server)
    refused()
    assert server.post(phone=OTHER).status_code == 201
    assert server.get().json()["pagination"]["total"] == 2
    server.stop(signal.SIGKILL)
    # A killed process has the store open until it has ended.
    wait_until(lambda: run_contacts("restore", file, "--data", server.data).returncode == 0)
    assert start_server(data=server.data).get().json()["pagination"]["total"] == 1


def test_restore_is_refused_while_gunicorn_runs(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "gunicorn.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app", "--log-level", "info"],
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=ROOT,
            env=clean_environ(PYTHONPATH=str(ROOT), CONTACTS_DATA=str(data), CONTACTS_PORT="0"),
        )
    try:
        wait_until(lambda: "Listening at" in log.read_text() or process.poll() is not None)
        file = tmp_path / "backup.db"
        assert run_contacts("backup", file, "--data", data).returncode == 0
        assert "is in use" in _one_line(run_contacts("restore", file, "--data", data))
    finally:
        process.terminate()
        process.wait(40)
    assert run_contacts("restore", file, "--data", data).returncode == 0


def test_prints_summaries_in_json(start_server: StartServer, tmp_path: Path) -> None:
    server, file = start_server(), tmp_path / "backup.db"
    server.post(phone=PHONE, tags=["Lead"], custom_fields={"plan": "pro"})
    made = json.loads(run_contacts("backup", file, "--json", "--data", server.data).stdout)
    server.stop()
    assert made["file"] == str(file)
    assert made["bytes"] == file.stat().st_size
    assert made["removed"] == []
    counts = {"contacts": 1, "tags": 1, "custom_fields": 1, "api_keys": 1, "changes": 1}
    assert counts.items() <= made["counts"].items()
    restored = json.loads(run_contacts("restore", file, "--json", "--data", server.data).stdout)
    assert restored["counts"] == made["counts"]
    assert restored["store"] == str(server.data / "contacts.db")
    assert Path(restored["kept"]).exists()


def test_reports_in_one_line_why_it_cannot_run(tmp_path: Path, filled_folder: Path) -> None:
    (tmp_path / "taken").write_text("precious")
    (tmp_path / "garbage").write_text("garbage" * 1000)
    data = ["--data", filled_folder]
    assert "there is no store" in _one_line(
        run_contacts("backup", tmp_path / "x", "--data", tmp_path / "empty")
    )
    assert not (tmp_path / "empty").exists()
    assert "exists" in _one_line(run_contacts("backup", tmp_path / "taken", *data))
    assert "cannot use the folder" in _one_line(
        run_contacts("backup", tmp_path / "taken", "--keep", "2", *data)
    )
    assert "cannot write" in _one_line(run_contacts("backup", tmp_path / "no" / "x", *data))
    assert "there is no" in _one_line(run_contacts("restore", tmp_path / "nowhere", *data))
    assert "no SQLite database" in _one_line(run_contacts("restore", tmp_path / "garbage", *data))
    assert "--every" in _one_line(run_contacts("backup", tmp_path, "--every", "soon", *data))
    assert "--keep" in _one_line(run_contacts("backup", tmp_path, "--keep", "0", *data))
    assert (tmp_path / "taken").read_text() == "precious"
    assert store_faults(filled_folder / "contacts.db") == []


def test_a_slash_at_the_end_makes_a_folder(filled_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    made = run_contacts("backup", f"{folder}/", "--data", filled_folder)
    assert (made.returncode, len(_made_by_time(folder))) == (0, 1)
    file = filled_folder / "contacts-copy.db"
    run_contacts("backup", file, "--data", filled_folder)
    assert "cannot use the folder" in _one_line(
        run_contacts("backup", f"{file}/", "--data", filled_folder)
    )


def test_keeps_the_requested_number_of_backups(filled_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    run_contacts("backup", folder, "--keep", "1", "--data", filled_folder)
    time.sleep(1)
    # Without an API key a backup does not show which store it is of.
    run_contacts("backup", folder, "--keep", "1", "--data", filled_folder)
    assert len(_made_by_time(folder)) == 2
    assert folder.stat().st_mode & 0o777 == 0o700
    run_contacts("keys", "create", "--label", "x", "--data", filled_folder)
    for _ in range(2):
        time.sleep(1)
        finished = run_contacts("backup", folder, "--keep", "1", "--data", filled_folder)
    assert len(_made_by_time(folder)) == 3
    assert finished.stdout.endswith("removed 1 older\n")


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.soak)]
)
def test_repeats_until_stopped(filled_folder: Path, tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "backups"
    options = ["--every", "1s", "--keep", "2", "--data", filled_folder]
    run_contacts("keys", "create", "--label", "x", "--data", filled_folder)
    process = _start("backup", folder, *options)
    try:
        wait_until(lambda: folder.exists() and len(_made_by_time(folder)) == 2)
        first = _made_by_time(folder)[0]
        wait_until(lambda: not first.exists())
        # A failure is reported and retried.
        folder.rename(tmp_path / "away")
        time.sleep(2.5)
        (tmp_path / "away").rename(folder)
        seen = _made_by_time(folder)[-1]
        wait_until(lambda: _made_by_time(folder)[-1] > seen)
    finally:
        process.send_signal(how)
        result, errors = process.communicate(timeout=30)
    # Between two backups it ends with 0, during one by the signal.
    assert process.returncode in (0, 128 + signal.SIGTERM)
    assert len(re.findall(rf"Backed up {SOME:,} contacts to {folder}/contacts-", result)) >= 3
    assert errors
    assert all(line.endswith("; the next try is in 0:00:01") for line in errors.splitlines())
    assert all(store_faults(path) == [] for path in folder.iterdir())
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_backup_leaves_a_complete_file_or_none(
    large_folder: Path, tmp_path: Path, how: signal.Signals
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    process = _start("backup", folder / "one.db", "--data", large_folder)
    wait_until(lambda: any(folder.iterdir()) or process.poll() is not None)
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.strip()) in [(128 + how, ""), (0, "")]
    assert {path.name for path in folder.iterdir()} <= {"one.db"}
    assert (folder / "one.db").exists() == (process.returncode == 0)


@pytest.mark.soak
def test_a_killed_backup_leaves_no_partial_file_under_its_name(
    large_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for number in range(3):
        process = _start("backup", folder / f"{number}.db", "--data", large_folder)
        wait_until(lambda: any(folder.glob(".*")) or process.poll() is not None)  # noqa: B023
        time.sleep(number * 0.02)
        process.kill()
        process.communicate(timeout=30)
    whole = [path for path in folder.iterdir() if not path.name.startswith(".")]
    assert all(store_faults(path) == [] for path in whole)
    assert run_contacts("backup", folder / "last.db", "--data", large_folder).returncode == 0


def test_two_concurrent_backups_are_both_complete(large_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    running = [_start("backup", folder / f"{n}.db", "--data", large_folder) for n in range(2)]
    assert [process.communicate(timeout=60) and process.returncode for process in running] == [0, 0]
    assert [store_faults(path) for path in sorted(folder.iterdir())] == [[], []]
