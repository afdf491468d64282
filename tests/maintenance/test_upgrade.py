"""A store that an older version left opens, migrates and serves.

`tests/fixtures/store-schema-6.db.gz` was written by the last version before schema 7, through its
API: tags, custom fields, a pinned type, a merge, a deletion, a webhook; empty values and a tag with
an invisible character, which later versions do not accept. `postgres-schema-8.sql.gz` is what
`pg_dump` wrote of a database of schema 8, the first that several servers could share. Those of
schema 6, which has a key and no contact, and 7 lack what 0006_initial.sql got later.
"""

import gzip
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app import create_app
from app.database import open_store
from app.database.postgres.lease import Lease
from app.database.postgres.migrate import migrate, migrations
from app.settings import Settings, load
from app.version import VERSION
from tests.conftest import run_contacts, run_contacts_process, store_faults
from tests.postgres import PostgresServer

FIXTURES = Path(__file__).parent.parent / "fixtures"
OLD = FIXTURES / "store-schema-6.db.gz"
OLD_POSTGRES = FIXTURES / "postgres-schema-8.sql.gz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data folder with the old store."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    with gzip.open(OLD) as packed, (folder / "contacts.db").open("wb") as store:
        shutil.copyfileobj(packed, store)
    (folder / "contacts.db").chmod(0o600)
    return folder


def test_serves_the_contacts_of_an_older_version(old: Path) -> None:
    settings: Settings = load({"CONTACTS_DATA": str(old)})
    client = create_app(settings).test_client()
    key = run_contacts("keys", "create", "--label", "new", "--scope", "admin", "--data", old)
    reader = run_contacts("keys", "create", "--label", "all", "--data", old).stdout.strip()
    headers = {"Authorization": f"Bearer {reader}"}
    page = client.get("/v1/contacts?limit=100", headers=headers).get_json()
    assert page["pagination"]["total"] == 19
    assert client.get("/v1/contacts?tag=VIP", headers=headers).get_json()["pagination"]["total"]
    merged = client.get("/v1/contacts/918856870003", headers=headers).get_json()["contact"]
    assert merged["id"] == "cnt_918856870002"
    changed = client.post(
        "/v1/contacts", headers=headers, json={"phone": "918856870001", "first_name": "New"}
    ).get_json()
    assert changed["changed"] == ["first_name"]
    changes = client.get("/v1/changes?limit=1000", headers=headers).get_json()["changes"]
    assert changes[-1]["data"]["previous"] == {"first_name": "Name 1"}
    admin = {"Authorization": f"Bearer {key.stdout.strip()}"}
    [webhook] = client.get("/v1/webhooks", headers=admin).get_json()["webhooks"]
    assert webhook["url"] == "https://example.com/hook"


def test_doctor_finds_no_problem_after_a_fix_of_an_older_store(old: Path) -> None:
    run_contacts_process("keys", "create", "--label", "new", "--data", old)  # Migrates the store.
    fixed = run_contacts("doctor", "--fix", "--data", old)
    assert fixed.returncode == 0, fixed.stdout
    found = run_contacts("doctor", "--data", old)
    assert "0 problems" in found.stdout, found.stdout


def test_doctor_cleans_values_that_no_filter_matches(old: Path) -> None:
    run_contacts_process("keys", "create", "--label", "new", "--data", old)
    found = run_contacts("doctor", "--data", old)
    assert found.returncode == 1
    assert r"14 contacts (blank 'plan', tag 'Old\u200bTag') → contacts doctor --fix" in found.stdout
    before = _stored(old)
    assert run_contacts("doctor", "--fix", "--data", old).returncode == 0
    assert "0 problems" in run_contacts("doctor", "--data", old).stdout
    exported = run_contacts("export", "-", "--format", "jsonl", "--data", old).stdout
    assert "\u200b" not in exported
    assert '"plan":""' not in exported.replace(": ", ":")
    client = create_app(load({"CONTACTS_DATA": str(old)})).test_client()
    key = run_contacts("keys", "create", "--label", "all", "--data", old).stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    page = client.get("/v1/contacts?tag=OldTag", headers=headers).get_json()
    assert page["pagination"]["total"] == 10
    tags = client.get("/v1/tags", headers=headers).get_json()["tags"]
    assert {each["name"]: each["contacts"] for each in tags}["OldTag"] == 10
    after = _stored(old)
    changed = {phone for phone, state in after.items() if state != before[phone]}
    changes = client.get("/v1/changes?limit=1000", headers=headers).get_json()["changes"]
    events = [
        each["data"]
        for each in changes
        if each["event"] == "contact.updated"
        and "Old\u200bTag" in each["data"].get("previous", {}).get("tags", ())
    ]
    assert len(events) == 10
    assert {each["phone"] for each in events} <= changed
    assert all(after[phone][2] > before[phone][2] for phone in changed)


def test_doctor_cleans_a_store_whose_index_rows_are_wrong_too(old: Path) -> None:
    run_contacts_process("keys", "create", "--label", "new", "--data", old)
    with closing(sqlite3.connect(old / "contacts.db", isolation_level=None)) as driver:
        driver.execute("DELETE FROM contact_tags WHERE contact_id < 9")
    fixed = run_contacts("doctor", "--fix", "--data", old)
    assert (fixed.returncode, fixed.stdout.count("ok       fix: ")) == (0, 2), fixed.stdout
    assert "0 problems" in run_contacts("doctor", "--data", old).stdout


def _stored(folder: Path) -> dict[str, tuple[str, ...]]:
    with closing(sqlite3.connect(folder / "contacts.db")) as driver:
        rows = driver.execute("SELECT phone, document, custom_fields, updated_at FROM contacts")
        return {phone: tuple(rest) for phone, *rest in rows}


def test_a_newer_store_is_refused_with_the_version_that_it_needs(old: Path) -> None:
    run_contacts_process("keys", "create", "--label", "new", "--data", old)
    with closing(sqlite3.connect(old / "contacts.db", isolation_level=None)) as driver:
        [(made_by,)] = driver.execute("SELECT version FROM program")
        assert made_by == VERSION
        driver.execute("UPDATE program SET version = '9.1.0'")
        driver.execute("PRAGMA user_version = 999")
    refused = run_contacts("keys", "list", "--data", old)
    assert refused.returncode == 2
    assert "install contacts-service 9.1.0 or newer" in refused.stderr
    assert "install contacts-service 9.1.0 or newer" in run_contacts("doctor", "--data", old).stdout


@pytest.fixture
def old_postgres(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a database as the old version left it."""
    url = postgres.create()
    postgres.run(gzip.decompress(OLD_POSTGRES.read_bytes()).decode(), _name(url))
    yield url
    postgres.drop(url)


def test_serves_the_contacts_of_an_older_version_in_postgresql(
    old_postgres: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    tables = _name(old_postgres)
    assert postgres.run("SELECT version FROM schema_version", tables) == [(8,)]
    environ = {"CONTACTS_DATABASE_URL": old_postgres}
    data = tmp_path / "data"
    created = run_contacts(
        "keys", "create", "--label", "n", "--scope", "admin", "--data", data, **environ
    )
    assert created.returncode == 0, created.stderr
    [(version, program)] = postgres.run(
        "SELECT schema_version.version, program.version FROM schema_version, program", tables
    )
    assert (version, program) == (max(migrations()), VERSION)
    reader = run_contacts("keys", "create", "--label", "all", "--data", data, **environ)
    settings = load({}, data=data, database_url=old_postgres)
    client = create_app(settings).test_client()
    headers = {"Authorization": f"Bearer {reader.stdout.strip()}"}
    page = client.get("/v1/contacts?limit=100&tag=VIP", headers=headers).get_json()
    assert page["pagination"]["total"] == 18
    merged = client.get("/v1/contacts/918856870003", headers=headers).get_json()["contact"]
    assert merged["id"] == "cnt_918856870002"
    old = {"phone": "918856870001", "first_name": "New", "custom_fields": {"score": 5}}
    changed = client.post("/v1/contacts", headers=headers, json=old).get_json()
    assert changed["changed"] == ["first_name", "custom_fields.score"]
    changes = client.get("/v1/changes?limit=1000", headers=headers).get_json()["changes"]
    assert (len(changes), changes[-1]["data"]["previous"]["first_name"]) == (24, "Name 1")
    admin = {"Authorization": f"Bearer {created.stdout.strip()}"}
    [webhook] = client.get("/v1/webhooks", headers=admin).get_json()["webhooks"]
    assert webhook["url"] == "https://example.com/hook"
    with closing(open_store(settings)) as store:
        assert store_faults(store) == []


@pytest.mark.parametrize("version", [6, 7, 8, 9, 10])
def test_serves_a_database_from_before_leases_and_limits(
    version: int, postgres: PostgresServer, tmp_path: Path
) -> None:
    """Versions up to 10 opened the older ones, and left them without these tables."""
    first = min(version, 7)
    url = postgres.create()
    tables = _name(url)
    dump = gzip.decompress((FIXTURES / f"postgres-schema-{first}.sql.gz").read_bytes()).decode()
    postgres.run(dump, tables)
    for number in range(first + 1, version + 1):
        postgres.run(migrations()[number], tables)
    postgres.run(f"UPDATE schema_version SET version = {version}", tables)
    options = {"CONTACTS_DATABASE_URL": url, "CONTACTS_DATA": str(tmp_path)}
    created = run_contacts("keys", "create", "--label", "n", "--rate-limit", "99", **options)
    assert created.returncode == 0, created.stderr
    fresh = postgres.create()
    migrate(fresh)
    assert _schema(postgres, url) == _schema(postgres, fresh)
    stored = 0 if first == 6 else 10
    settings = load({}, data=tmp_path, database_url=url)
    with closing(open_store(settings)) as store:
        client = create_app(settings).test_client()
        headers = {"Authorization": f"Bearer {created.stdout.strip()}"}
        written = {"phone": "918856870001", "tags": ["VIP"], "first_name": "New"}
        response = client.post("/v1/contacts", headers=headers, json=written)
        assert response.status_code == (200 if stored else 201), response.text
        page = client.get("/v1/contacts?q=New", headers=headers).get_json()
        assert [each["phone"] for each in page["contacts"]] == [written["phone"]]
        total = client.get("/v1/contacts", headers=headers).get_json()["pagination"]["total"]
        assert total == (stored or 1)
        changes = client.get("/v1/changes?limit=1000", headers=headers)
        assert changes.get_json()["changes"][-1]["seq"] == (16 if stored else 1)
        assert changes.headers["X-RateLimit-Remaining"] == "95", dict(changes.headers)
        assert Lease(store, "deliverer").take()
        assert store_faults(store) == []
    for each in (url, fresh):
        postgres.drop(each)


def _schema(postgres: PostgresServer, url: str) -> list[str]:
    """Return the lines of a dump of the schema, without the random key of each run."""
    command = [str(postgres.bin / "pg_dump"), "--schema-only", url]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line for line in dump.splitlines() if "restrict" not in line]


def test_a_newer_database_is_refused_with_the_version_that_it_needs(
    old_postgres: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    environ = {"CONTACTS_DATABASE_URL": old_postgres}
    run_contacts("keys", "create", "--label", "new", "--data", tmp_path, **environ)
    postgres.run("UPDATE program SET version = '9.1.0'", _name(old_postgres))
    postgres.run("UPDATE schema_version SET version = 999", _name(old_postgres))
    refused = run_contacts("keys", "list", "--data", tmp_path, **environ)
    assert refused.returncode == 2
    assert "install contacts-service 9.1.0 or newer" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    found = run_contacts("doctor", "--data", tmp_path, **environ)
    assert (found.returncode, found.stderr) == (1, "")
    finding = (
        f"problem  schema: version 999, this program knows {max(migrations())} "
        "→ install contacts-service 9.1.0 or newer"
    )
    assert found.stdout.splitlines()[-2:] == [finding, "1 problem, 0 warnings"]


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
