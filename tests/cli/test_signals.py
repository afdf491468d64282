"""Ctrl-C and SIGTERM end every command without a traceback, from its first import on."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT, clean_environ

# Sends itself a signal when a module is looked up, or when Python shuts down.
SIGNALLED = """
import atexit, os, sys

when, number = sys.argv.pop(1), int(sys.argv.pop(1))

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == when:
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Finder())
if when == "shutdown":
    atexit.register(os.kill, os.getpid(), number)
from app.cli import main
main()
"""


def _run(when: str, how: signal.Signals, command: list[str], data: Path) -> tuple[int, str]:
    finished = subprocess.run(
        [sys.executable, "-c", SIGNALLED, when, str(int(how)), *command],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environ(PYTHONPATH=str(ROOT), CONTACTS_DATA=str(data)),
    )
    return finished.returncode, finished.stderr.strip()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["app.cli.commands", "click", "sqlite3", "marshmallow"])
def test_a_signal_ends_a_command_while_modules_are_imported(
    tmp_path: Path, module: str, how: signal.Signals
) -> None:
    assert _run(module, how, ["--help"], tmp_path / "data") == (128 + how, "")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("command", "module"),
    [(["openapi"], "app.api_docs.document"), (["serve", "--port", "0"], "app.serving.server")],
    ids=["openapi", "serve"],
)
def test_a_signal_ends_a_command_while_it_imports_more(
    tmp_path: Path, command: list[str], module: str, how: signal.Signals
) -> None:
    assert _run(module, how, command, tmp_path / "data") == (128 + how, "")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_exit_status_while_python_shuts_down(
    tmp_path: Path, how: signal.Signals
) -> None:
    assert _run("shutdown", how, ["--version"], tmp_path / "data") == (128 + how, "")


def test_ctrl_c_at_a_question_ends_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("Mobile,First\n+918856879188,Priya\n")
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "import", tmp_path / "contacts.csv"],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=clean_environ(CONTACTS_DATA=str(tmp_path / "data")),
        )
        os.close(follower)
        shown = b""
        while b"?" not in shown and process.poll() is None:
            shown += terminal.read(1024)
        # Python misses a signal that comes right before it waits for input: send it again.
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
                break
        assert process.returncode == 128 + signal.SIGINT
    assert b"Traceback" not in shown
    assert not (tmp_path / "data").exists()
