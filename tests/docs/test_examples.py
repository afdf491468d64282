"""Runs the examples of the pages against real servers, and compares what they print."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.webhooks.signing import signed_headers
from contacts_standin import StandIn
from tests.conftest import QUIET, ROOT, RunningServer, clean_environ
from tests.docs.pages import PAGES, Block, blocks, page

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")

URL = "http://127.0.0.1:8000"
BACKUPS = "/var/backups/contacts"
STAND_IN = ROOT / "docs" / "stand-in.md"
# Of commands that do not end, or need a stopped server, only the options are checked.
COMMAND = """#!/bin/sh
case "$ENDS $1 $2 $*" in
no\\ serve\\ *|no\\ restore\\ *|no\\ webhooks\\ deliver\\ *|*--every*) set -- "$@" --help ;;
esac
exec {python} -P -m app "$@"
"""
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@dataclass
class Place:
    """Where the examples of a page run: a server, and a folder for files."""

    url: str
    folder: Path
    environ: dict[str, str]

    def run(self, block: Block) -> subprocess.CompletedProcess[str]:
        text = block.text.replace("export KEY=…", "true").replace(URL, self.url)
        text = text.replace(BACKUPS, str(self.folder / "backups"))
        ends = "yes" if block.remark else "no"
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        more = {"PATH": path, "PYTHONPATH": str(ROOT), "CURL_HOME": str(self.folder), "ENDS": ends}
        return subprocess.run(
            ["bash", "-e", "-c", text],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=clean_environ(**more, **self.environ),
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--data", str(folder / "data")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=clean_environ(**QUIET)
        )
    assert process.stdout
    [url] = re.findall(r"http://[^,]+", process.stdout.readline() + process.stdout.readline())
    key = (folder / "data" / "first-admin-key").read_text().strip()
    running = RunningServer(process, url, folder / "data", key)
    yield running
    running.stop()
    process.stdout.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a command `contacts`, in which curl fails on HTTP errors."""
    program = tmp_path / "contacts"
    program.write_text(COMMAND.format(python=sys.executable))
    program.chmod(0o700)
    (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    (tmp_path / "backups").mkdir()
    return tmp_path


@pytest.fixture
def place(folder: Path, server: RunningServer) -> Place:
    """A server without contacts, tags, custom fields and webhooks."""
    with server.session() as session:
        for route, key in (
            ("contacts", "id"),
            ("tags", "name"),
            ("custom-fields", "key"),
            ("webhooks", "id"),
        ):
            listed = session.get(f"{server.url}/v1/{route}", timeout=30).json()
            for each in listed[route.replace("-", "_")]:
                session.delete(f"{server.url}/v1/{route}/{each[key]}", timeout=30)
    return Place(server.url, folder, {"KEY": server.key, "CONTACTS_DATA": str(server.data)})


def shell_blocks(path: Path) -> list[Block]:
    return [each for each in blocks(path.read_text()) if each.language == "sh"]


FIRST = ROOT / "docs" / "changes-and-webhooks.md"  # Its feed begins with the server's first event.
RUN = [FIRST, *(each for each in PAGES if each not in (FIRST, STAND_IN) and shell_blocks(each))]


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.name)
def test_examples_print_the_output_on_the_page(path: Path, place: Place) -> None:
    for block in shell_blocks(path):
        check(block, place)


def test_examples_of_the_stand_in(folder: Path, contacts_standin: StandIn) -> None:
    """Its last one, a whole script, is run by `tests/standin/test_examples.py`."""
    (folder / "people.jsonl").write_text('{"phone": "918856879188"}\n')
    for block in shell_blocks(STAND_IN)[:-1]:
        check(block, Place(contacts_standin.url, folder, {}))


def check(block: Block, place: Place) -> None:
    if block.remark.startswith("not run: "):
        return
    expected = int(block.remark.removeprefix("exit status ") or 0)
    done = place.run(block)
    result = f"line {block.line}: {done.stdout}{done.stderr}"
    assert done.returncode == expected, result
    if block.answer and block.answer.language == "json":
        last = done.stdout.strip().splitlines()[-1]
        assert differences(json.loads(block.answer.text), json.loads(last)) == [], result
    elif block.answer:
        printed = (done.stderr + done.stdout).strip()
        assert is_like(block.answer.text.strip(), printed), result


def differences(shown: Any, found: Any, where: str = "") -> list[str]:
    """Return where a response differs from the one shown: in keys, their order, or values."""
    if isinstance(shown, dict) and isinstance(found, dict) and list(shown) == list(found):
        pairs = [(f"{where}.{key}", shown[key], found[key]) for key in shown]
    elif isinstance(shown, list) and isinstance(found, list) and len(shown) == len(found):
        pairs = [(f"{where}[{i}]", *each) for i, each in enumerate(zip(shown, found, strict=True))]
    elif isinstance(shown, str) and isinstance(found, str):
        return [] if is_like(shown, found) else [where]
    else:
        return [] if shown == found else [where]
    return [each for name, *both in pairs for each in differences(*both, name)]


def is_like(shown: str, found: str) -> bool:
    """Compare texts: `…` stands for anything, an instant for any other."""
    parts = (re.escape(INSTANT.sub("«instant»", part)) for part in shown.split("…"))
    pattern = ".*".join(parts).replace("«instant»", INSTANT.pattern)
    return bool(re.fullmatch(pattern, found, re.DOTALL))


def test_the_comparison_finds_differences() -> None:
    shown = {"a": "cnt_…", "at": "2026-06-02T08:00:00Z", "n": 1, "list": [True]}
    assert differences(shown, shown | {"a": "cnt_1", "at": "2027-01-01T00:00:00Z"}) == []
    for other in ({"a": "x"}, {"at": "today"}, {"n": 2}, {"n": "1"}, {"list": []}, {"b": 1}):
        assert differences(shown, shown | other)


def python_of(path: str) -> dict[str, Any]:
    """Run the Python blocks of a page; return the names that they define."""
    names: dict[str, Any] = {}
    for block in blocks(page(path)):
        if block.language == "python":
            exec(block.text, names)
    return names


def test_the_python_of_the_search_page_reads_all_pages(place: Place, server: RunningServer) -> None:
    for number in range(5):
        assert server.post(phone=f"91885687918{number}").status_code == 201
    contacts = python_of("docs/search.md")["contacts"]
    for query in ("limit=2", "limit=2&cursor=start", "limit=2&cursor=start&sort=-phone"):
        found = {each["phone"] for each in contacts(f"{place.url}/v1/contacts?{query}", server.key)}
        assert len(found) == 5


def test_the_python_of_the_webhooks_page_rejects_a_changed_body() -> None:
    names = python_of("docs/changes-and-webhooks.md")
    body = b'{"event": "webhook.test"}'
    signature = signed_headers(["whsec_c2VjcmV0"], "dlv_1", 1_780_387_200, body)
    header = signature["X-AISoule-Signature"]
    assert names["is_genuine"]("whsec_c2VjcmV0", body, header)
    assert not names["is_genuine"]("whsec_c2VjcmV0", body + b" ", header)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_blocks_that_are_not_run_have_a_reason(path: Path) -> None:
    for block in shell_blocks(path):
        assert re.fullmatch(r"|exit status \d+|not run: .+", block.remark), block.line
