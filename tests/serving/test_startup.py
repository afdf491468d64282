"""A start that cannot succeed is refused in one line, and changes nothing."""

import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from app.database.sqlite.migrate import migrate
from app.settings import Settings
from tests.conftest import ROOT, clean_environ, run_contacts

Finished = subprocess.CompletedProcess[str]


def _assert_refused(finished: Finished, *words: str) -> None:
    assert finished.returncode == 2, finished.stderr
    assert finished.stdout == ""
    _assert_one_line(finished, *words)


def _assert_one_line(finished: Finished, *words: str) -> None:
    lines = finished.stderr.splitlines()
    assert len(lines) == 1, finished.stderr
    assert lines[0].startswith("contacts: ")
    for word in words:
        assert word in lines[0]


def _serve(data: Path, *options: str, **environ: str) -> Finished:
    """Run a `serve` that must be refused, by default on a free port."""
    port = [] if "--port" in options or "CONTACTS_PORT" in environ else ["--port", "0"]
    return run_contacts("serve", "--data", data, *port, *options, **environ)


def _serve_by_gunicorn(data: Path, **environ: str) -> Finished:
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=clean_environ(PYTHONPATH=str(ROOT), CONTACTS_DATA=str(data)) | environ,
    )


def test_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _assert_refused(_serve(tmp_path / "data", "--port", port), port, "--port")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "host",
    ["203.0.113.1", "no such host", "a..b", "a" * 70, "host.invalid"],
    ids=["of another machine", "spaces", "empty label", "long label", "unknown"],
)
def test_refuses_a_host_that_is_invalid_or_elsewhere(tmp_path: Path, host: str) -> None:
    _assert_refused(_serve(tmp_path / "data", "--host", host), "--host")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CONTACTS_PROT", "did you mean CONTACTS_PORT?"),
        ("CONTACTS_DATA_DIR", "did you mean CONTACTS_DATA?"),
        ("CONTACTS_XYZZY", "docs/configuration.md"),
        ("CONTACTS_", "unknown setting"),
    ],
)
def test_refuses_an_unknown_setting(tmp_path: Path, name: str, hint: str) -> None:
    _assert_refused(_serve(tmp_path / "data", **{name: "1"}), name, hint)
    assert not (tmp_path / "data").exists()


BAD_VALUES = {
    "database_url": ["mysql://localhost/contacts", "contacts.db"],
    "cors_origins": ["*", "example.com", "https://example.com/page"],
    "webhook_retries": ["", "10", "1y"],
    "console": ["", "off", "YES"],
    "data": ["", " ", "~no-such-user/data"],
    "host": ["", " "],
    "port": ["", "abc", "65536", "-1", "8000.0", "٨٠٠٠", "1_000", "9" * 5_000],
    "workers": ["0", "65", "two"],
    "threads": ["0", "65", "-4"],
    "phone_check": ["", "strict", "VALID"],
    "rate_limit": ["", "-1", "1000001", "many"],
    "wrong_key_limit": ["", "-1", "many"],
    "trusted_proxies": ["proxy.lan", "10.0.0.0/33"],
    "metrics_public": ["", "1", "on"],
    "log_level": ["", "verbose"],
    "log_format": ["", "yaml"],
    "max_import_bytes": ["0", "1GiB"],
    "max_body_bytes": ["0", "1023", "1073741825", "1MiB"],
    "changes_days": ["0", "36501", "1.5"],
    "webhook_allow_private": ["10.0.0.0/33", "https://hooks.lan/"],
}


def test_every_setting_has_its_bad_values_here() -> None:
    assert {each.name for each in fields(Settings)} <= BAD_VALUES.keys()


@pytest.mark.parametrize("setting", sorted(BAD_VALUES))
def test_refuses_a_bad_value(tmp_path: Path, setting: str, subtests: pytest.Subtests) -> None:
    name = f"CONTACTS_{setting.upper()}"
    for value in BAD_VALUES[setting]:
        with subtests.test(value[:20]):
            environ = {"CONTACTS_DATA": str(tmp_path / "data"), "CONTACTS_PORT": "0", name: value}
            _assert_refused(run_contacts("serve", **environ), name)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", "70000"), ("--workers", "0"), ("--threads", "x"), ("--host", "")],
)
def test_refuses_a_bad_option(tmp_path: Path, option: str, value: str) -> None:
    _assert_refused(_serve(tmp_path / "data", option, value), option)
    assert not (tmp_path / "data").exists()


def test_an_empty_folder_name_is_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _assert_refused(run_contacts("keys", "create", "--label", "x", "--data", ""), "--data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["below a file", "a file", "below a device"])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["keys", "list"]], ids=" ".join)
def test_refuses_a_folder_that_cannot_be_created(
    tmp_path: Path, place: str, command: list[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    folder = {"below a file": file / "data", "a file": file, "below a device": "/dev/null/x"}[place]
    _assert_refused(run_contacts(*command, "--data", folder))
    _assert_refused(run_contacts(*command, CONTACTS_DATA=str(folder)), str(folder))
    assert file.read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [file]


def _newer(path: Path) -> None:
    migrate(path)
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("PRAGMA user_version = 9999")


def _newer_in_its_log(path: Path) -> None:
    source = path.parent / "source.db"
    migrate(source)
    with closing(sqlite3.connect(source)) as driver:
        driver.execute("PRAGMA wal_autocheckpoint = 0")
        driver.execute("PRAGMA user_version = 9999")
        _move_with_log(source, path)


def _of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("PRAGMA application_id = 1196444487")


def _with_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as driver:
        driver.execute("CREATE TABLE contacts (name TEXT)")
        driver.execute("INSERT INTO contacts VALUES ('mine')")
        driver.commit()


def _with_tables_in_its_log(path: Path) -> None:
    source = path.parent / "source.db"
    with closing(sqlite3.connect(source)) as driver:
        driver.execute("PRAGMA journal_mode = WAL")
        driver.execute("PRAGMA wal_autocheckpoint = 0")
        driver.execute("CREATE TABLE contacts (name TEXT)")
        driver.execute("INSERT INTO contacts VALUES ('mine')")
        driver.commit()
        _move_with_log(source, path)


def _move_with_log(source: Path, path: Path) -> None:
    """Copy a database with its log while it is open, as a crash leaves it."""
    for end in ("", "-wal"):
        shutil.copy(f"{source}{end}", f"{path}{end}")
    assert Path(f"{path}-wal").stat().st_size > 0


def _garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def _a_few_bytes(path: Path) -> None:
    path.write_bytes(b"hello\n")


def _truncated(path: Path) -> None:
    migrate(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


STORES: dict[Callable[[Path], None], str] = {
    _newer: "9999",
    _newer_in_its_log: "9999",
    _of_another_program: "another program",
    _with_tables: "another program",
    _with_tables_in_its_log: "another program",
    _garbage: "not an intact SQLite database",
    _a_few_bytes: "not an intact SQLite database",
    _truncated: "not an intact SQLite database",
}
# One for each reason: gunicorn finds it as `contacts serve` does, and takes a second each time.
SHORT = (_newer, _with_tables, _truncated)


def _contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.glob("contacts.db*")}


@pytest.mark.parametrize(
    ("make", "reason"), STORES.items(), ids=[make.__name__.strip("_") for make in STORES]
)
def test_refuses_unusable_stores_and_does_not_change_them(
    tmp_path: Path, make: Callable[[Path], None], reason: str, subtests: pytest.Subtests
) -> None:
    make(tmp_path / "contacts.db")
    before = _contents(tmp_path)
    for command in (["serve", "--port", "0"], ["keys", "list"], ["keys", "create", "--label", "x"]):
        with subtests.test(" ".join(command)):
            _assert_refused(run_contacts(*command, "--data", tmp_path), reason, "contacts.db")
            after = _contents(tmp_path)
            assert {name: after[name] for name in before} == before
            assert not (tmp_path / "first-admin-key").exists()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(
            *(make, reason),
            id=make.__name__.strip("_"),
            marks=() if make in SHORT else pytest.mark.soak,
        )
        for make, reason in STORES.items()
    ],
)
def test_gunicorn_refuses_the_same_stores(
    tmp_path: Path, make: Callable[[Path], None], reason: str
) -> None:
    make(tmp_path / "contacts.db")
    before = _contents(tmp_path)
    finished = _serve_by_gunicorn(tmp_path)
    assert finished.returncode != 0
    _assert_one_line(finished, reason)
    after = _contents(tmp_path)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({"CONTACTS_PROT": "1"}, "did you mean CONTACTS_PORT?"),
        ({"CONTACTS_THREADS": "many"}, "CONTACTS_THREADS"),
        ({"CONTACTS_DATA": "/dev/null/x"}, "/dev/null/x"),
        ({"CONTACTS_DATA": ""}, "CONTACTS_DATA"),
    ],
)
def test_gunicorn_refuses_the_same_settings(
    tmp_path: Path, environ: dict[str, str], word: str
) -> None:
    finished = _serve_by_gunicorn(tmp_path / "data", **environ)
    assert finished.returncode != 0
    _assert_one_line(finished, word)
    assert not (tmp_path / "data").exists()


def test_refuses_a_folder_in_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "contacts.db").mkdir()
    _assert_refused(_serve(tmp_path), "contacts.db")
    assert list((tmp_path / "contacts.db").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_refuses_a_store_on_a_read_only_file_system() -> None:
    _assert_refused(_serve(Path("/proc/contacts")), "/proc/contacts")


def test_reports_an_unwritable_first_key_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "first-admin-key").mkdir()
    finished = _serve(tmp_path)
    assert finished.returncode == 2
    _assert_one_line(finished, "first-admin-key")
