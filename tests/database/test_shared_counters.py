"""Counters over processes: exact for concurrent and killed ones."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import shared_counters as module
from app.database.shared_counters import PRESENT, SharedCounters

COUNTING = """
import sys
from pathlib import Path
from app.database.shared_counters import SharedCounters

counters = SharedCounters(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    counters.add({"a": 1, sys.argv[3]: 2, "present x": 1})
print("done", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "metrics"


@pytest.fixture
def counters(folder: Path) -> Iterator[SharedCounters]:
    yield SharedCounters(folder)


Process = subprocess.Popen[str]


def counting(folder: Path, times: int, name: str) -> Process:
    command = [sys.executable, "-c", COUNTING, str(folder), str(times), name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def counted(process: Process) -> None:
    assert process.stdout
    assert process.stdout.readline() == "done\n"


def end(process: Process, how: signal.Signals) -> None:
    process.send_signal(how)
    process.communicate(timeout=20)


def test_counts_nothing_at_first(counters: SharedCounters, folder: Path) -> None:
    assert counters.read() == {}
    assert not folder.exists()


def test_adds_by_name(counters: SharedCounters) -> None:
    counters.add({"a": 1, "b": 10**15})
    counters.add({"a": 2})
    assert counters.read() == {"a": 3, "b": 10**15}


def test_creates_files_for_the_owner_only(counters: SharedCounters, folder: Path) -> None:
    counters.add({"a": 1})
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_loses_nothing_over_threads(counters: SharedCounters) -> None:
    def work(number: int) -> None:
        for _ in range(2_000):
            counters.add({"a": 1, f"b {number}": 1})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counters.read() == {"a": 8_000} | {f"b {number}": 2_000 for number in range(4)}


def test_sums_over_processes_and_outlives_them(counters: SharedCounters, folder: Path) -> None:
    processes = [counting(folder, 500, f"b {number}") for number in range(3)]
    for process in processes:
        counted(process)
    expected = {"a": 1_500, "b 0": 1_000, "b 1": 1_000, "b 2": 1_000, f"{PRESENT}x": 1_500}
    assert counters.read() == expected
    for process in processes:
        end(process, signal.SIGKILL)
    assert counters.read() == expected


def test_a_process_reuses_the_file_of_a_dead_process(
    counters: SharedCounters, folder: Path
) -> None:
    for number in range(3):
        process = counting(folder, 10, "b")
        counted(process)
        end(process, signal.SIGKILL)
        found = counters.read()
        assert (found["a"], found["b"]) == (10 * (number + 1), 20 * (number + 1))
        # A counter of live processes has the count of the last one only.
        assert found[f"{PRESENT}x"] == 10
    assert sorted(path.name for path in folder.iterdir()) == ["0", "names"]


def test_a_fork_counts_in_a_file_of_its_own(counters: SharedCounters, folder: Path) -> None:
    counters.add({"a": 1})
    child = os.fork()
    if not child:
        for _ in range(100):
            counters.add({"a": 1})
        os._exit(0)
    for _ in range(100):
        counters.add({"a": 1})
    os.waitpid(child, 0)
    assert counters.read() == {"a": 201}
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1", "names"]


@pytest.mark.parametrize("names", [b"\0" * 20 + b"a\n", b"a\nb", b"a\na\n", b"\xff\n"])
def test_starts_over_after_damaged_names(
    counters: SharedCounters, folder: Path, names: bytes
) -> None:
    counters.add({"a": 1})
    (folder / "names").write_bytes(names)
    other = SharedCounters(folder)
    other.add({"b": 5})
    assert other.read() == {"b": 5}


@pytest.mark.parametrize("size", [0, 100])
def test_continues_after_a_file_was_truncated(
    folder: Path, size: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_TRIES", 0)
    counters = SharedCounters(folder)
    counters.add({"a": 1})
    os.truncate(folder / "0", size)
    counters.add({"a": 1})
    assert "not counted" in caplog.text
    counters.add({"a": 1})
    assert counters.read()["a"] >= 1


def test_warns_once_if_the_folder_cannot_be_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    counters = SharedCounters(tmp_path / "file" / "metrics")
    for _ in range(100):
        counters.add({"a": 1})
    assert counters.read() == {}
    assert caplog.text.count("not counted") == 1


def test_rejects_more_names_than_there_is_room_for(
    counters: SharedCounters, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 3)
    counters.add({"a": 1, "b": 1, "c": 1})
    counters.add({"d": 1})
    assert "too many names" in caplog.text
    assert counters.read() == {"a": 1, "b": 1, "c": 1}
