"""Start and stop of a stand-in: this machine only, a store that no other server opens."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from flask import Flask

from app.database.sqlite import migrate as module
from app.database.sqlite.kinds import NORMAL, STAND_IN
from app.database.sqlite.locks import absence
from app.database.sqlite.migrate import migrate
from app.errors import StartError
from app.standin.routes import ROUTES, blueprint
from contacts_standin import StandIn, running
from tests.conftest import (
    ROOT,
    FreshStore,
    StartServer,
    clean_environ,
    run_contacts,
    wait_until,
)
from tests.standin.conftest import Client


def serve(*options: str | Path) -> tuple[int, str, str]:
    """Run a `serve` that is refused; return the exit status, the output and the error line."""
    done = run_contacts("serve", "--port", "0", *options)
    assert done.stderr.startswith("contacts: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def normal(tmp_path: Path, fresh_store: FreshStore) -> Path:
    """The data folder of a normal server."""
    fresh_store.copy_to(tmp_path / "normal")
    return tmp_path / "normal"


@pytest.fixture(scope="module")
def standin_folder_to_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("standin") / "data"
    with running("--data", str(folder)):
        pass
    return folder


@pytest.fixture
def standin_folder(tmp_path: Path, standin_folder_to_copy: Path) -> Path:
    """The data folder of a stand-in that has ended."""
    return Path(shutil.copytree(standin_folder_to_copy, tmp_path / "standin"))


def content(folder: Path) -> bytes:
    return (folder / "contacts.db").read_bytes()


def test_does_not_serve_the_store_of_a_normal_server(normal: Path) -> None:
    before = content(normal)
    status, output, error = serve("--stand-in", "--data", normal)
    assert (status, output) == (2, "")
    assert "was made by a normal server" in error
    assert content(normal) == before


def test_a_normal_server_does_not_serve_its_store(standin_folder: Path) -> None:
    before = content(standin_folder)
    status, output, error = serve("--data", standin_folder)
    assert (status, output) == (2, "")
    assert "was created by a stand-in" in error
    assert content(standin_folder) == before


def test_prints_a_command_that_creates_a_key(tmp_path: Path) -> None:
    """With the path of the program, as in a checkout it is not on the PATH."""
    program = tmp_path / "bin" / "contacts"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -P\nfrom app.cli import main\n\nmain()\n")
    program.chmod(0o700)
    environ = clean_environ(PYTHONPATH=str(ROOT), PATH=os.defpath)
    server = subprocess.Popen(
        [program, "serve", "--stand-in", "--port", "0", "--data", tmp_path / "data"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    )
    try:
        assert server.stdout
        command = next(line for line in server.stdout if "keys create" in line)
        done = subprocess.run(command, shell=True, capture_output=True, env=environ)
    finally:
        server.terminate()
        server.communicate(timeout=20)
    assert done.stdout.startswith(b"ak_test_")


def test_gunicorn_refuses_the_store_of_a_stand_in(standin_folder: Path) -> None:
    environ = clean_environ(CONTACTS_DATA=str(standin_folder), CONTACTS_PORT="0")
    for target in (["-m", "gunicorn", "wsgi:app"], ["-c", "import wsgi"]):
        done = subprocess.run(
            [sys.executable, *target],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environ,
            timeout=60,
        )
        assert done.returncode != 0
        assert "was created by a stand-in" in done.stderr


@pytest.mark.parametrize(
    "command",
    [("webhooks", "deliver"), ("backup", "copy.db"), ("restore", "{store}")],
)
def test_commands_for_normal_stores_refuse_its_store(
    standin_folder: Path, normal: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    store = str(standin_folder / "contacts.db")
    is_restore = command[0] == "restore"
    data = normal if is_restore else standin_folder
    before = content(normal)
    arguments = [each.format(store=store) for each in command]
    if command[0] == "backup":
        arguments[1] = str(tmp_path / "copy.db")
    done = run_contacts(*arguments, "--data", data)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert content(normal) == before
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(("made", "opened"), [(NORMAL, STAND_IN), (STAND_IN, NORMAL)])
def test_the_store_itself_has_the_marker(tmp_path: Path, made: int, opened: int) -> None:
    path = tmp_path / "contacts.db"
    assert migrate(path, made) == made
    before = path.read_bytes()
    with pytest.raises(StartError, match=r"was (made|created) by"):
        migrate(path, opened)
    assert path.read_bytes() == before
    assert migrate(path, None) == made
    with closing(sqlite3.connect(path)) as driver:
        assert driver.execute("PRAGMA application_id").fetchone() == (made,)


def test_rejects_a_store_that_a_normal_server_creates_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A normal server may create the store after the stand-in has checked for it."""
    path, prepare = tmp_path / "contacts.db", module._prepare_file

    def prepare_and_lose(path: Path, kind: int | None) -> None:
        prepare(path, kind)
        monkeypatch.setattr(module, "_prepare_file", prepare)
        other = [sys.executable, "-c", _MAKE_NORMAL, str(path)]
        subprocess.run(other, check=True, cwd=ROOT)

    monkeypatch.setattr(module, "_prepare_file", prepare_and_lose)
    with pytest.raises(StartError, match="was made by a normal server"):
        migrate(path, STAND_IN)


_MAKE_NORMAL = """
import sys
from pathlib import Path
from app.database.sqlite.migrate import migrate
migrate(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no-such-host.invalid"])
def test_listens_on_this_machine_only(host: str) -> None:
    status, output, error = serve("--stand-in", "--host", host)
    assert (status, output) == (2, "")
    assert "this machine only" in error
    from_environ = run_contacts("serve", "--stand-in", CONTACTS_HOST=host, CONTACTS_PORT="0")
    assert (from_environ.returncode, from_environ.stderr) == (2, error)


@pytest.mark.parametrize("option", [("--demo", "5"), ("--seed", "x.jsonl")])
def test_its_options_need_stand_in(option: tuple[str, str], tmp_path: Path) -> None:
    status, _, error = serve(*option, "--data", tmp_path / "data")
    assert status == 2
    assert "need --stand-in" in error
    assert not (tmp_path / "data").exists()


def test_cannot_be_switched_on_by_the_environment(tmp_path: Path) -> None:
    done = run_contacts("serve", "--data", tmp_path / "data", CONTACTS_STAND_IN="1")
    assert done.returncode == 2
    assert "unknown setting CONTACTS_STAND_IN" in done.stderr


def test_a_normal_server_has_none_of_its_features(start_server: StartServer) -> None:
    server = start_server()
    for path in ("/stand-in", "/stand-in/reset", "/stand-in/clock", "/stand-in/inbox"):
        assert requests.post(server.url + path, json={}, timeout=30).status_code == 404
    with server.session() as session:
        session.headers["Prefer"] = "code=503, delay=30, drop"
        made = session.post(f"{server.url}/v1/contacts", json={"phone": "918856879188"}, timeout=20)
    assert made.status_code == 201
    assert "Preference-Applied" not in made.headers
    refused = requests.get(
        f"{server.url}/v1/contacts", headers={"Authorization": "Bearer YOUR_API_KEY"}, timeout=30
    )
    assert refused.status_code == 401
    hook = {"url": f"{server.url}/stand-in/inbox", "label": "x"}
    with server.session() as session:
        assert session.post(f"{server.url}/v1/webhooks", json=hook, timeout=30).status_code == 422


def test_two_stand_ins_share_no_state() -> None:
    with running() as one, running() as other, Client(one) as first, Client(other) as second:
        assert one.url != other.url
        for number in range(30):
            first.upsert(f"9188568791{number:02}")
        one.advance(86_400)
        one.fail_next(3)
        assert second.total() == 0
        answer = second.upsert()
        assert answer.headers["X-RateLimit-Remaining"] == "118"
        other.reset()
        assert len(one.requests) == 30
        one_time = first.call("GET", "/stand-in/clock").json()["clock"]["advanced_seconds"]
        assert one_time == 86_400
        statuses = [first.call("GET", "/v1/contacts").status_code for _ in range(4)]
        assert statuses == [503, 503, 503, 200]


def test_has_one_worker() -> None:
    status, output, error = serve("--stand-in", "--workers", "2")
    assert (status, output) == (2, "")
    assert error == "contacts: a stand-in has one worker: leave out --workers\n"


@contextmanager
def temporary(parent: Path, **environ: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a stand-in whose temporary folder is in `parent`; yield its process and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--stand-in", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environ(TMPDIR=str(parent), **environ),
        start_new_session=True,
    )
    assert process.stdout
    try:
        yield process, process.stdout.readline().split()[2].rstrip(",")
    finally:
        process.terminate()
        process.communicate(timeout=40)


@pytest.mark.parametrize(("given", "limit"), [("6000", "6000"), (None, "120")])
def test_has_the_vendors_limit_only_if_none_is_set(
    tmp_path: Path, given: str | None, limit: str
) -> None:
    environ = {"CONTACTS_RATE_LIMIT": given} if given else {}
    with temporary(tmp_path, **environ) as (_, url), Client(StandIn(url)) as client:
        assert client.call("GET", "/v1/contacts").headers["X-RateLimit-Limit"] == limit


def test_ignores_workers_in_the_environment(tmp_path: Path) -> None:
    with temporary(tmp_path, CONTACTS_WORKERS="3") as (process, _):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc")
        wait_until(lambda: len(children.read_text().split()) == 1)


def test_the_next_start_removes_the_folder_of_a_killed_one(tmp_path: Path) -> None:
    with temporary(tmp_path) as (process, _):
        [abandoned] = tmp_path.glob("contacts-stand-in-*")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    wait_until(lambda: _is_unlocked(abandoned))  # Its worker may take a while to end.
    young = tmp_path / "contacts-stand-in-young"
    young.mkdir()
    _age(abandoned)
    with temporary(tmp_path):
        assert not abandoned.exists()
        [used] = set(tmp_path.glob("contacts-stand-in-*")) - {young}
        _age(used)
        with temporary(tmp_path):
            assert (used / "contacts.db").exists()
    assert list(tmp_path.iterdir()) == [young]


def _is_unlocked(folder: Path) -> bool:
    with absence(folder / "contacts.db") as is_unlocked:
        return is_unlocked


def _age(folder: Path) -> None:
    an_hour_ago = time.time() - 3_600
    os.utime(folder, (an_hour_ago, an_hour_ago))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_removes_a_temporary_folder(tmp_path: Path, how: signal.Signals) -> None:
    with temporary(tmp_path, CONTACTS_DATA=str(tmp_path / "never")) as (process, url):
        with Client(StandIn(url)) as client:
            assert client.upsert().status_code == 201
        [folder] = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        # A worker that ends does not remove the folder: the next one finds the store.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if children.exists():
            worker = int(children.read_text().split()[0])
            os.kill(worker, signal.SIGTERM)
            with Client(StandIn(url)) as client:
                assert client.total() == 1
                StandIn(url).reset()  # It still knows the state at the start.
                assert client.total() == 0
        assert folder.exists()
        process.send_signal(how)
        process.wait(40)
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_keeps_the_folder_given_with_data(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for expected in (0, 1):
        with running("--data", str(data)) as standin, Client(standin) as client:
            assert client.total() == expected
            client.upsert()
            client.call("DELETE", "/v1/contacts/15005550006")
            # A reset returns to the content at the start of this server.
            standin.reset()
            assert client.total() == expected
            client.upsert()
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_is_ready_when_it_prints_its_url(tmp_path: Path) -> None:
    with running("--data", str(tmp_path / "data")) as standin:
        answer = requests.get(f"{standin.url}/readyz", timeout=30)
        assert answer.json()["status"] == "ready"
        result = requests.get(f"{standin.url}/stand-in", timeout=30).json()
    assert "/stand-in/reset" in result["routes"]


def test_serves_the_openapi_document_of_a_normal_server(contacts_standin: StandIn) -> None:
    served = requests.get(f"{contacts_standin.url}/openapi.json", timeout=30).text
    assert served == run_contacts("openapi").stdout


def test_lists_all_its_routes() -> None:
    listed = {(path, method) for path, methods in ROUTES.items() for method in methods}
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    made = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/stand-in/")
    }
    assert listed == made
