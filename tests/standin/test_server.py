"""A stand-in is a stand-in: for this machine alone, over a store that no other server opens."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests
from flask import Flask

from app.database import migrate as module
from app.database.kinds import NORMAL, STAND_IN
from app.database.migrate import migrate
from app.errors import StartError
from app.standin.routes import ROUTES, blueprint
from contacts_standin import StandIn, running
from tests.conftest import ROOT, StartServer, clean_environ, run_contacts
from tests.standin.conftest import Client


def serve(*options: str | Path) -> tuple[int, str, str]:
    """Try to serve, where that is refused; return exit status, output and the line of the error."""
    done = run_contacts("serve", "--port", "0", *options)
    assert done.stderr.startswith("contacts: ")
    assert done.stderr.count("\n") == 1
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def normal(tmp_path: Path) -> Path:
    folder = tmp_path / "normal"
    assert run_contacts("keys", "create", "--label", "x", "--data", folder).returncode == 0
    return folder


@pytest.fixture
def standin_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "standin"
    with running("--data", str(folder)):
        pass
    return folder


def content(folder: Path) -> bytes:
    return (folder / "contacts.db").read_bytes()


def test_never_serves_the_store_of_a_normal_server(normal: Path) -> None:
    before = content(normal)
    status, said, error = serve("--stand-in", "--data", normal)
    assert (status, said) == (2, "")
    assert "was made by a normal server" in error
    assert content(normal) == before


def test_a_normal_server_never_serves_its_store(standin_folder: Path) -> None:
    before = content(standin_folder)
    status, said, error = serve("--data", standin_folder)
    assert (status, said) == (2, "")
    assert "was made by a stand-in" in error
    assert content(standin_folder) == before


def test_gunicorn_refuses_its_store_too(standin_folder: Path) -> None:
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
        assert "was made by a stand-in" in done.stderr


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
def test_the_marker_is_in_the_store_itself(tmp_path: Path, made: int, opened: int) -> None:
    path = tmp_path / "contacts.db"
    assert migrate(path, made) == made
    before = path.read_bytes()
    with pytest.raises(StartError, match="was made by"):
        migrate(path, opened)
    assert path.read_bytes() == before
    assert migrate(path, None) == made
    with closing(sqlite3.connect(path)) as driver:
        assert driver.execute("PRAGMA application_id").fetchone() == (made,)


def test_who_comes_second_to_a_new_store_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of the other kind may make the store after this one has looked at it."""
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
from app.database.migrate import migrate
migrate(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "no-such-host.invalid"])
def test_listens_on_this_machine_alone(host: str) -> None:
    status, said, error = serve("--stand-in", "--host", host)
    assert (status, said) == (2, "")
    assert "this machine only" in error
    from_environ = run_contacts("serve", "--stand-in", CONTACTS_HOST=host, CONTACTS_PORT="0")
    assert (from_environ.returncode, from_environ.stderr) == (2, error)


@pytest.mark.parametrize("option", [("--demo", "5"), ("--seed", "x.jsonl")])
def test_what_goes_with_it_is_refused_without_it(option: tuple[str, str], tmp_path: Path) -> None:
    status, _, error = serve(*option, "--data", tmp_path / "data")
    assert status == 2
    assert "need --stand-in" in error
    assert not (tmp_path / "data").exists()


def test_cannot_be_switched_on_by_the_environment(tmp_path: Path) -> None:
    done = run_contacts("serve", "--data", tmp_path / "data", CONTACTS_STAND_IN="1")
    assert done.returncode == 2
    assert "unknown setting CONTACTS_STAND_IN" in done.stderr


def test_a_normal_server_has_none_of_it(start_server: StartServer) -> None:
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


def test_two_beside_each_other_share_nothing() -> None:
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


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_leaves_nothing_of_a_throw_away_store(
    tmp_path: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--stand-in", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environ(TMPDIR=str(tmp_path), CONTACTS_DATA=str(tmp_path / "never")),
    )
    assert process.stdout
    url = process.stdout.readline().split()[2].rstrip(",")
    with Client(StandIn(url)) as client:
        assert client.upsert().status_code == 201
    [folder] = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    # A worker that goes takes nothing along: the next one finds the store.
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if children.exists():
        worker = int(children.read_text().split()[0])
        os.kill(worker, signal.SIGTERM)
        with Client(StandIn(url)) as client:
            assert client.total() == 1
    assert folder.exists()
    process.send_signal(how)
    process.communicate(timeout=40)
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_keeps_a_store_that_was_chosen(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for expected in (0, 1):
        with running("--data", str(data)) as standin, Client(standin) as client:
            assert client.total() == expected
            client.upsert()
            client.call("DELETE", "/v1/contacts/15005550006")
            # Back to what there was when this server started, and no further.
            standin.reset()
            assert client.total() == expected
            client.upsert()
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_is_ready_when_it_says_so(tmp_path: Path) -> None:
    with running("--data", str(tmp_path / "data")) as standin:
        answer = requests.get(f"{standin.url}/readyz", timeout=30)
        assert answer.json()["status"] == "ready"
        told = requests.get(f"{standin.url}/stand-in", timeout=30).json()
    assert "/stand-in/reset" in told["routes"]


def test_its_document_is_that_of_a_normal_server(contacts_standin: StandIn) -> None:
    served = requests.get(f"{contacts_standin.url}/openapi.json", timeout=30).text
    assert served == run_contacts("openapi").stdout


def test_lists_every_route_of_its_own() -> None:
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
