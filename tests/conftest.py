"""Fixtures: an application over a store of its own, and real servers."""

import gc
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.api_keys.handlers import create_api_key
from app.api_keys.model import SCOPES, digest
from app.api_keys.store import find_api_key, insert_api_key
from app.cli import main
from app.contacts.model import Contact
from app.contacts.store import insert_contacts
from app.database import Database as Store
from app.database import open_store, prepare_store
from app.database.postgres.store import Database as Postgres
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.database.text import fold, words
from app.maintenance.index_checks import wrong_counts, wrong_index_rows
from app.maintenance.postgres_doctor import Stream
from app.serving.startup import prepare
from app.settings import Settings, load
from app.web.service import service_of
from contacts_standin import StandIn
from tests.postgres import PostgresServer, Template, programs, running_server

pytest_plugins = ["contacts_standin"]


def _use_memory(folder: Path = Path("/dev/shm")) -> None:
    """Put temporary files in memory if there is enough, unless `TMPDIR` is set."""
    if "TMPDIR" in os.environ or not os.access(folder, os.W_OK):
        return
    if shutil.disk_usage(folder).free > MEMORY_NEEDED:
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)


# On a busy machine an example now and then exceeds any deadline.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

MEMORY_NEEDED = 2_000_000_000  # bytes
_use_memory()
# Without compiled files each of some hundred processes would compile the code again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

MANY, SOME = 20_000, 1_000
SEED = Path(__file__).parent.parent.parent / "shared" / "seeds"


# Folders whose tests run on both engines, except those with one of these markers.
ON_SQLITE_ALONE = ("sqlite", "one_engine")
BOTH = {
    *("api_keys", "contacts", "custom_fields", "journal", "metrics", "search", "tags"),
    *("segments", "transfer", "web", "webhooks"),
}

# Fixtures that open the file of a store, or explain the plans of SQLite.
OF_FILES = {"recorder", "reader", "plans", "filled_folder", "filled_db", "large_folder"}


# Files that take longest, which start first, so that no process is alone with one at the end.
LONGEST = (
    *("cli/test_backup.py", "cli/test_import.py", "api_docs/test_fuzz.py", "test_model.py"),
    *("webhooks/test_delivery.py", "docs/test_examples.py", "webhooks/test_runner.py"),
    *("serving/test_server.py", "standin/test_server.py", "console/test_contacts.py"),
    *("transfer/test_server.py", "console/test_routes.py", "test_logs.py", "test_concurrency.py"),
    *("serving/test_gunicorn.py", "serving/test_startup.py", "search/test_page_bytes.py"),
    *("journal/test_changes.py", "api_docs/test_page.py", "web/test_requests.py"),
    *("webhooks/test_routes.py", "contacts/test_batch.py", "transfer/test_intake.py"),
    *("test_properties.py", "test_architecture.py", "metrics/test_metrics.py"),
    *("contacts/test_one_contact.py", "search/test_search.py", "transfer/test_round_trip.py"),
    *("conformance/test_check.py", "console/test_pages.py", "console/test_lists.py"),
    *("web/test_readiness.py", "database/sqlite/test_erasure.py", "test_durability.py"),
    *("contacts/test_aliases.py", "webhooks/test_redelivery.py", "standin/test_examples.py"),
    *("webhooks/test_sender.py", "webhooks/test_narrowing.py", "standin/test_state.py"),
)
NO_PAGE = "the vendor's page is not at hand"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


def pytest_collection_finish() -> None:
    """Exclude what lives until the end from garbage collection: a tenth of the tests' time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail skipped tests where `POSTGRES_TESTS` requires the programs that they need."""
    report = yield
    is_needed = "POSTGRES_TESTS" in os.environ and not item.get_closest_marker("soak")
    if report.skipped and is_needed and NO_PAGE not in str(report.longrepr):
        report.outcome, report.longrepr = "failed", f"Skipped: {report.longrepr}"
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        folder = metafunc.definition.path.parent.name
        is_on_both = (
            folder in BOTH
            and not any(map(metafunc.definition.get_closest_marker, ON_SQLITE_ALONE))
            and not OF_FILES.intersection(metafunc.fixturenames)
        )
        if is_on_both:
            metafunc.parametrize("engine", ["sqlite", "postgres"])


@pytest.fixture
def engine() -> str:
    """The engine of the store; `pytest_generate_tests` runs a test on each."""
    return "sqlite"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the session."""
    if programs() is None:
        why = "PostgreSQL is not installed: apt-get install postgresql"
        assert "POSTGRES_TESTS" not in os.environ, why
        pytest.skip(why)
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(
    postgres: PostgresServer, fresh_store: "FreshStore", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Template]:
    """Databases with the tables and the keys of `fresh_store`."""
    url = postgres.create()
    settings = load({}, data=tmp_path_factory.mktemp("template"), database_url=url)
    prepare_store(settings)
    with (
        closing(open_store(settings)) as target,
        closing(Database(fresh_store.folder / "contacts.db")) as source,
    ):
        for secret in (fresh_store.key, fresh_store.first_key):
            found = find_api_key(source.connection(), digest(secret))
            assert found
            target.write(lambda tx, found=found: insert_api_key(tx, *found))
    with closing(Template(postgres, url)) as template:
        yield template


@pytest.fixture
def settings(tmp_path: Path, engine: str, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings of a store that is empty; in PostgreSQL it is prepared, with `fresh_store.key`."""
    if engine == "sqlite":
        yield load({}, data=tmp_path / "data")
        return
    template: Template = request.getfixturevalue("postgres_template")
    url = template.take()
    yield load({}, data=tmp_path / "data", database_url=url)
    template.give_back(url)


@dataclass(frozen=True)
class FreshStore:
    """A data folder as the first start leaves it, and a key with every scope."""

    folder: Path
    key: str
    first_key: str

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self.folder, folder)


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory: pytest.TempPathFactory) -> FreshStore:
    """The store that tests copy, since its migrations take longer than most tests."""
    settings = load({}, data=tmp_path_factory.mktemp("fresh") / "data")
    prepare(settings)
    with closing(Database(settings.database)) as db:
        key = create_api_key(db, label="tests", scopes=SCOPES)
    first_key = (settings.data / "first-admin-key").read_text().strip()
    return FreshStore(settings.data, key, first_key)


@pytest.fixture
def app(settings: Settings, fresh_store: FreshStore) -> Iterator[Flask]:
    if settings.database_url:
        settings.data.mkdir(mode=0o700)
    else:
        fresh_store.copy_to(settings.data)
    app = create_app(settings, prepared=True)
    with closing(service_of(app).db) as db:
        db.hold()
        yield app


@pytest.fixture
def db(app: Flask) -> Database:
    return service_of(app).db


@pytest.fixture
def key(db: Database, fresh_store: FreshStore) -> str:
    """A key with every scope."""
    return fresh_store.key


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def client(app: Flask, key: str) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


@dataclass
class RunningServer:
    """A real server in processes of its own."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    key: str
    log: Path | None = None

    def session(self) -> requests.Session:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.key}"
        return session

    def post(self, **body: Any) -> requests.Response:
        with self.session() as session:
            return session.post(f"{self.url}/v1/contacts", json=body, timeout=30)

    def get(self, path: str = "/v1/contacts", **query: Any) -> requests.Response:
        with self.session() as session:
            return session.get(self.url + path, params=query, timeout=30)

    def workers(self) -> list[int]:
        """Return the process ids of the workers (Linux)."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop the server and return its exit status; SIGKILL is sent to its workers too."""
        workers = []
        if how == signal.SIGKILL:
            self.process.send_signal(signal.SIGSTOP)  # It would replace its workers.
            workers = self.workers()
            for pid in workers:
                os.kill(pid, how)
        self.process.send_signal(how)
        status = self.process.wait(60)
        wait_until(lambda: all(map(_is_over, workers)))
        return status


def _is_over(pid: int) -> bool:
    """Return whether a process has closed its files (Linux), reaped or not."""
    folder = Path(f"/proc/{pid}")
    try:
        threads = len(list((folder / "task").iterdir()))
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z" and threads == 1


StartServer = Callable[..., RunningServer]

# Most tests would exceed the limits, and read no log.
QUIET = {
    "CONTACTS_RATE_LIMIT": "0",
    "CONTACTS_WRONG_KEY_LIMIT": "0",
    "CONTACTS_LOG_LEVEL": "warning",
}


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start `contacts serve` on a free port, with options and settings in `environ`."""
    with servers(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a module that leave it running; its log is beside its data."""
    with servers(tmp_path_factory.mktemp("shared")) as start:
        yield start()


@pytest.fixture
def server(shared_server: RunningServer) -> RunningServer:
    """The module's server, without contacts."""
    with shared_server.session() as session:
        for contact in shared_server.get(limit=100).json()["contacts"]:
            path = f"/v1/contacts/{contact['id']}"
            assert session.delete(shared_server.url + path, timeout=30).ok
    return shared_server


@contextmanager
def servers(folder: Path) -> Iterator[StartServer]:
    """Start servers with their logs, and by default their data, in a folder."""
    started: list[RunningServer] = []

    def start(
        *options: str, data: Path | None = None, environ: dict[str, str] | None = None
    ) -> RunningServer:
        served = data or folder / "served"
        command = [sys.executable, "-m", "app", "serve", "--port", "0", "--data", str(served)]
        log = folder / f"server-{len(started)}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [*command, *options],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, **QUIET, **(environ or {})},
            )
        url = _announced_url(process)
        key_file = served / "first-admin-key"
        key = StandIn.key if "--stand-in" in options else key_file.read_text().strip()
        started.append(RunningServer(process, url, served, key, log))
        return started[-1]

    try:
        yield start
    finally:
        for server in started:
            if server.process.poll() is None:
                server.stop(signal.SIGKILL)
            assert server.process.stdout
            server.process.stdout.close()


def _announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if found := re.match(r"(?:Contacts service|Stand-in) on (http://\S+),", line):
            return found[1]
    raise AssertionError(f"the server did not start: exit status {process.wait(10)}")


def _filled_folder(folder: Path, count: int) -> Path:
    """Make a data folder with `count` contacts, all with two tags and two custom fields."""
    path = folder / "contacts.db"
    migrate(path)
    with closing(Database(path)) as db, db.transaction() as tx:
        insert_contacts(
            tx,
            (
                Contact(
                    f"91{number:010d}",
                    created_at="2026-06-02T08:00:00Z",
                    updated_at="2026-06-02T08:00:00Z",
                    first_name="Priya",
                    tags=("Lead", "VIP"),
                    custom_fields={"plan": "pro", "n": number},
                )
                for number in range(count)
            ),
        )
    return folder


@pytest.fixture(scope="session")
def large_folder_to_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _filled_folder(tmp_path_factory.mktemp("large"), MANY)


@pytest.fixture
def large_folder(large_folder_to_copy: Path, tmp_path: Path) -> Path:
    """A data folder of its own with `MANY` contacts."""
    return Path(shutil.copytree(large_folder_to_copy, tmp_path / "large"))


@pytest.fixture(scope="session")
def filled_folder_to_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _filled_folder(tmp_path_factory.mktemp("filled"), SOME)


@pytest.fixture
def filled_folder(filled_folder_to_copy: Path, tmp_path: Path) -> Path:
    """A data folder of its own with `SOME` contacts."""
    return Path(shutil.copytree(filled_folder_to_copy, tmp_path / "filled"))


@pytest.fixture
def filled_db(filled_folder: Path) -> Iterator[Database]:
    """A store of its own with `SOME` contacts."""
    with closing(Database(filled_folder / "contacts.db")) as db:
        yield db


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until a condition holds; fail if it still does not after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        is_last = time.monotonic() >= deadline
        if condition():
            return
        assert not is_last, "the condition did not hold in time"
        time.sleep(0.02)


ROOT = Path(__file__).parent.parent


def clean_environ(**more: str) -> dict[str, str]:
    """Return the environment without the settings of whoever runs the tests, and `more`."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CONTACTS_")}
    return kept | more


RunContacts = Callable[..., subprocess.CompletedProcess[str]]


def run_contacts(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command `contacts` to its end in this process, which saves a start."""
    out, err = (_text_file() for _ in range(2))
    status: object = 0
    with pytest.MonkeyPatch.context() as patch, _time_limit(180), _restored_signals():
        for name in os.environ.keys() - clean_environ().keys():
            patch.delenv(name)
        for name, text in environ.items():
            patch.setenv(name, text)
        patch.setattr(sys, "argv", ["contacts", *map(str, arguments)])
        # What a backup does to its process cannot be undone: later tests would run as slowly.
        patch.setattr(os, "nice", lambda _: 0)
        for name, file in (("stdin", _text_file()), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, file)
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
    assert isinstance(status, int)
    result = [file.buffer.getvalue().decode() for file in (out, err)]
    return subprocess.CompletedProcess(sys.argv, status, *result)


@contextmanager
def _restored_signals() -> Iterator[None]:
    """Restore the signals that a command sets: child processes would inherit them."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _TextFile(io.TextIOWrapper):
    """A file in memory in place of a standard one: what is written is in its `buffer` at once."""

    buffer: io.BytesIO


def _text_file() -> _TextFile:
    return _TextFile(io.BytesIO(), "utf-8", write_through=True)


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def end(*_: object) -> None:
        raise AssertionError(f"the command did not end within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_contacts_process(
    *arguments: str | Path, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command `contacts` to its end in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "app", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environ(**environ),
    )


def store_faults(store: "Path | Store") -> list[str]:
    """Return the faults of a store: damage, counts and index rows that differ from its contacts."""
    if isinstance(store, Postgres):
        with store.snapshot() as snapshot:
            reader = Stream(snapshot)
            return wrong_counts(reader) + wrong_index_rows(reader, snapshot.field_values)
    path = store if isinstance(store, Path) else store.path  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path)) as driver:
        # Several queries ask for the same words.
        driver.create_function("fold", 1, cache(fold))
        driver.create_function("words", -1, cache(lambda *texts: json.dumps(words(*texts))))
        found = [f"{text}" for (text,) in driver.execute("PRAGMA integrity_check") if text != "ok"]
        for query in (*_COUNTED, *_DERIVED):
            found += [f"{query}: {row}" for row in driver.execute(query)]
    return found


_COUNTED = (
    """
    SELECT value, (SELECT count(*) FROM contacts)
    FROM counters
    WHERE name = 'contacts' AND value != (SELECT count(*) FROM contacts)
    """,
    """
    SELECT name, value, (SELECT count(*) FROM tags), (SELECT count(*) FROM custom_fields)
    FROM counters
    WHERE name = 'tags' AND value != (SELECT count(*) FROM tags)
        OR name = 'custom_fields' AND value != (SELECT count(*) FROM custom_fields)
    """,
    """
    SELECT tags.name, contacts, count(contact_id)
    FROM tags LEFT JOIN contact_tags ON tag_id = tags.id
    GROUP BY tags.id
    HAVING contacts != count(contact_id)
    """,
    """
    SELECT key, strings, numbers, booleans, group_concat(type)
    FROM custom_fields LEFT JOIN custom_field_values ON field_id = custom_fields.id
    GROUP BY custom_fields.id
    HAVING strings != count(*) FILTER (WHERE type = 'string')
        OR numbers != count(*) FILTER (WHERE type = 'number')
        OR booleans != count(*) FILTER (WHERE type = 'boolean')
    """,
    """
    SELECT contacts.id, document
    FROM contacts
    LEFT JOIN (SELECT contact_id, count(*) AS found FROM contact_tags GROUP BY contact_id)
        ON contact_id = contacts.id
    WHERE json_array_length(document, '$.tags') != coalesce(found, 0)
    """,
    """
    SELECT contacts.id, custom_fields
    FROM contacts
    LEFT JOIN (SELECT contact_id, count(*) AS found FROM custom_field_values GROUP BY contact_id)
        ON contact_id = contacts.id
    WHERE (SELECT count(*) FROM json_each(contacts.custom_fields)) != coalesce(found, 0)
    """,
)

_TEXTS = ", ".join(
    f"json_extract(document, '$.{name}')" for name in ("first_name", "last_name", "email")
)
_WORDS = f"SELECT value, contacts.id FROM contacts, json_each(words({_TEXTS}))"
_TAGS = "SELECT value, contacts.id FROM contacts, json_each(document, '$.tags')"
_VALUES = """
    SELECT
        key,
        CASE WHEN type IN ('true', 'false') THEN 'boolean'
            WHEN type = 'text' THEN 'string'
            ELSE 'number' END,
        value,
        contacts.id
    FROM contacts, json_each(custom_fields)
"""
_DERIVED = (
    f"""
    SELECT id, document, first_name_key, last_name_key, email_key, words
    FROM contacts
    WHERE (first_name_key, last_name_key, email_key) IS NOT (
            fold(json_extract(document, '$.first_name')),
            fold(json_extract(document, '$.last_name')),
            fold(json_extract(document, '$.email'))
        )
        OR words != (
            SELECT coalesce(group_concat(' ' || value, ''), '')
            FROM json_each(words({_TEXTS}))
        )
    """,
    *(
        f"SELECT '{problem}', * FROM ({one} EXCEPT {other})"
        for made, kept in (
            (_WORDS, "SELECT word, contact_id FROM contact_words"),
            (_TAGS, "SELECT name, contact_id FROM tags LEFT JOIN contact_tags ON tag_id = id"),
            (
                _VALUES,
                "SELECT key, type, value, contact_id"
                " FROM custom_fields LEFT JOIN custom_field_values ON field_id = id"
                " WHERE contact_id IS NOT NULL OR coalesce(label, required_type) IS NULL",
            ),
        )
        for problem, one, other in (("missing", made, kept), ("left over", kept, made))
    ),
    """
    SELECT phone, contact_id
    FROM aliases
    WHERE contact_id NOT IN (SELECT id FROM contacts)
        OR phone IN (SELECT phone FROM contacts)
    """,
)


def stored_rows(db: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of a store, to compare them with those of another engine."""
    return {query: db.connection().execute(query) for query in _CONTENT}


_CONTENT = (
    "SELECT id, phone, document, custom_fields, words FROM contacts ORDER BY id",
    "SELECT phone, contact_id FROM aliases ORDER BY phone",
    "SELECT id, name, contacts FROM tags ORDER BY id",
    "SELECT id, key, strings, numbers, booleans FROM custom_fields ORDER BY id",
    "SELECT id, digest, label FROM api_keys ORDER BY id",
    "SELECT seq, event, phone, data FROM changes ORDER BY seq",
    "SELECT id, secret, position FROM webhooks ORDER BY id",
    "SELECT name, value FROM counters WHERE name IN ('contacts', 'tags') ORDER BY name",
)


def tables_with(db: Database, text: str) -> set[str]:
    """Return the tables that hold a text."""
    names = [name for (name,) in db.connection().execute(_TABLES)]
    rows = {name: str(db.connection().execute(f"SELECT * FROM {name}")) for name in names}
    return {name for name in names if text in rows[name]}


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"


def wait_for_workers(server: RunningServer, count: int = 2) -> None:
    """Wait until `count` workers accept connections (Linux)."""
    wait_until(lambda: sum(map(_is_accepting, server.workers())) == count)


def _is_accepting(pid: int) -> bool:
    try:
        opened = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:  # It, or a file in it, was removed while this ran.
        return False
    return any("eventpoll" in each for each in opened)
