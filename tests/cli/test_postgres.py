"""Commands on a store in PostgreSQL, and copies from SQLite to it and back."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app import clock
from app.contacts import handlers
from app.contacts.model import Contact, Draft
from app.contacts.store import insert_contacts
from app.database import open_store
from app.database.postgres.store import Database as Postgres
from app.maintenance import copy_store
from app.settings import Settings, load
from app.webhooks.handlers import create_webhook
from tests.conftest import FreshStore, clean_environ, run_contacts, store_faults, stored_rows
from tests.database.sqlite.stores import change
from tests.postgres import PostgresServer

PRIYA = Draft(
    "918856879188",
    "Priya",
    tags=("Lead", "VIP"),
    custom_fields={"s": "x" * 900, "n": -1.5, "m": 7, "yes": True, "no": False},
)


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def store(settings: Settings) -> Iterator[dict[str, str]]:
    """The environment of commands on a database with a contact."""
    assert settings.database_url
    settings.data.mkdir(mode=0o700)
    with closing(open_store(settings)) as db:
        handlers.upsert_contact(db, PRIYA)
    yield {"CONTACTS_DATABASE_URL": settings.database_url, "CONTACTS_DATA": str(settings.data)}


def test_commands_work_on_a_store_in_postgresql(store: dict[str, str], tmp_path: Path) -> None:
    assert run_contacts("keys", "list", **store).stdout.count("key_") == 2
    exported = run_contacts("export", "-", "--format", "jsonl", **store)
    assert json.loads(exported.stdout)["phone"] == PRIYA.phone
    (tmp_path / "a.csv").write_text("phone,first_name\n918856879189,Asha\n")
    assert run_contacts("import", tmp_path / "a.csv", "--yes", **store).returncode == 0
    assert len(run_contacts("export", "-", "--format", "jsonl", **store).stdout.splitlines()) == 2


def test_backup_and_restore_name_the_commands_to_run_instead(store: dict[str, str]) -> None:
    made = run_contacts("backup", "a b.db", **store)
    assert (made.returncode, made.stderr) == (
        2,
        "contacts: the store is in PostgreSQL: run pg_dump -Fc -f 'a b.db' "
        '"$CONTACTS_DATABASE_URL"\n',
    )
    restored = run_contacts("restore", "a.db", **store)
    assert restored.returncode == 2
    assert 'run pg_restore -d "$CONTACTS_DATABASE_URL" a.db' in restored.stderr
    assert "then contacts restored" in restored.stderr


def test_a_stand_in_refuses_postgresql(store: dict[str, str]) -> None:
    refused = run_contacts("serve", "--stand-in", **store)
    assert (refused.returncode, "unset CONTACTS_DATABASE_URL" in refused.stderr) == (2, True)


def test_doctor_needs_no_data_folder(store: dict[str, str], tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    found = run_contacts("doctor", **store | {"CONTACTS_DATA": str(missing)})
    assert (found.stderr, missing.exists()) == ("", False)
    assert f"ok       permissions: {missing} does not exist yet" in found.stdout.splitlines()
    assert "clock: " in found.stdout


def test_doctor_finds_and_fixes_problems(
    store: dict[str, str], settings: Settings, postgres: PostgresServer
) -> None:
    def run(*options: str) -> dict[str, tuple[str, str]]:
        found = json.loads(run_contacts("doctor", "--json", *options, **store).stdout)["findings"]
        return {each["check"]: (each["state"], each["text"]) for each in found}

    sound = run()
    assert {each for each, (state, _) in sound.items() if state != "ok"} == {
        "fsync",  # The server of the tests.
        "full_page_writes",
    }
    with closing(open_store(settings)) as db:
        for statement in (
            "DELETE FROM contact_words",
            "UPDATE contacts SET words = ''",
            "UPDATE tags SET contacts = 9",
            "UPDATE tags SET name = 'Other' WHERE name = 'Lead'",
        ):
            db.connection().execute(statement)
        old = Contact("918856879100", now := clock.timestamp(), now, tags=("Lead\u200b", "VIP"))
        with db.transaction() as tx:
            insert_contacts(tx, [old])
    broken = {"counters", "search", "values"}
    wrong = run()
    assert {wrong[each][0] for each in broken} == {"problem"}
    fixed = run("--fix")
    assert {fixed[each][0] for each in broken} == {"ok"}
    with closing(Postgres(settings.database_url or "", settings.data)) as db:
        assert store_faults(db) == []
        assert set(db.connection().execute("SELECT name FROM tags")) == {("Lead",), ("VIP",)}
        handlers.delete_contact(db, PRIYA.phone)
        handlers.delete_contact(db, "918856879100")
        assert db.connection().execute("SELECT name FROM tags") == []
        assert store_faults(db) == []


def test_restored_starts_the_journal_over(store: dict[str, str], settings: Settings) -> None:
    assert run_contacts("restored", **store).stdout.startswith("The journal continues after 1,000,")
    with closing(open_store(settings)) as db:
        handlers.upsert_contact(db, Draft("918856879189"))
        db.connection().number_changes()
        assert db.connection().execute("SELECT max(seq) FROM changes") == [(1_000_000_001,)]
    assert run_contacts("restored", **store).stdout.startswith("The journal continues after 2,000,")


def test_copies_to_postgres_and_back(
    fresh_store: FreshStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    folder, back, url = tmp_path / "data", tmp_path / "back", postgres.create()
    fresh_store.copy_to(folder)
    given = load({}, data=folder)
    with closing(open_store(given)) as db:
        handlers.upsert_contact(db, PRIYA)
        handlers.upsert_contact(db, Draft("918856879189", "Asha", tags=("VIP",)))
        handlers.upsert_contact(db, Draft("918856879187"))
        handlers.merge_contacts(db, PRIYA.phone, "918856879187")
        create_webhook(db, url="https://example.com")
        before = stored_rows(db)
    copied = run_contacts("copy", url, "--data", folder)
    assert (copied.returncode, copied.stderr) == (0, "")
    assert copied.stdout.startswith("Copied 2 contacts, 4 changes and 2 API keys")
    again = run_contacts("copy", url, "--data", folder)
    assert (again.returncode, "has contacts: name an empty" in again.stderr) == (2, True)
    with closing(open_store(load({}, data=tmp_path / "other", database_url=url))) as db:
        assert store_faults(db) == []
        assert stored_rows(db) == before
        (tmp_path / "other").mkdir()
        handlers.upsert_contact(db, Draft("918856879180", tags=("VIP", "New")))
        handlers.delete_contact(db, "918856879180")
        db.connection().number_changes()
        before = stored_rows(db)
    assert run_contacts("copy", back, CONTACTS_DATABASE_URL=url).returncode == 0
    assert store_faults(back / "contacts.db") == []
    with closing(open_store(load({}, data=back))) as db:
        assert stored_rows(db) == before
        assert handlers.upsert_contact(db, Draft("918856879180")).created
        assert db.connection().execute("SELECT max(id), max(seq) FROM contacts, changes") == [
            (5, 7)
        ]
    postgres.drop(url)


def test_copies_every_table(settings: Settings) -> None:
    with closing(open_store(settings)) as db:
        tables = db.connection().execute(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
    left_out = {"tag_sweeps", "custom_field_sweeps", "readiness", "schema_version"}
    left_out |= {"counts_due", "leases", "limits", "program"}
    copied = {*copy_store.TABLES, "custom_field_values", "counters"}
    assert {name for (name,) in tables} == copied | left_out


def test_refuses_to_copy_a_store_with_an_unfinished_change(
    fresh_store: FreshStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    folder, url = tmp_path / "data", postgres.create()
    fresh_store.copy_to(folder)
    change(
        folder / "contacts.db",
        "INSERT INTO tag_sweeps (tag_id, name, position, last) VALUES (1, 'a', 0, 1)",
    )
    refused = run_contacts("copy", url, "--data", folder)
    assert (refused.returncode, "is unfinished: start the server" in refused.stderr) == (2, True)
    postgres.drop(url)


def test_copies_no_values_that_the_api_rejects(
    fresh_store: FreshStore, postgres: PostgresServer, settings: Settings, tmp_path: Path
) -> None:
    folder, url, now = tmp_path / "source", postgres.create(), clock.timestamp()
    old = Contact(PRIYA.phone, now, now, tags=("Lead\u200b",), custom_fields={"plan": " "})
    fresh_store.copy_to(folder)
    settings.data.mkdir()
    for each in (load({}, data=folder), settings):
        with closing(open_store(each)) as db, db.transaction() as tx:
            insert_contacts(tx, [old])
    assert settings.database_url
    for arguments, environ, target in (
        ((url, "--data", folder), {}, url),
        ((tmp_path / "b",), {"CONTACTS_DATABASE_URL": settings.database_url}, str(tmp_path / "b")),
    ):
        refused = run_contacts("copy", *arguments, **environ)
        assert (refused.returncode, "run contacts doctor --fix" in refused.stderr) == (2, True)
        assert run_contacts("doctor", "--fix", "--data", folder, **environ).stderr == ""
        copied = run_contacts("copy", *arguments, **environ)
        assert copied.stdout.startswith("Copied 1 contact, 1 change"), (target, copied.stderr)
    postgres.drop(url)


WITHOUT_DRIVER = """
import contextlib, io, json, sys
sys.modules["psycopg"] = None
from app.cli import main

results, (data, *targets) = [], sys.argv[1:]
for target in targets:
    sys.argv = ["contacts", "copy", target, "--data", data]
    with contextlib.redirect_stderr(io.StringIO()) as shown:
        try:
            main()
        except SystemExit as end:
            results.append((end.code, shown.getvalue()))
print(json.dumps(results))
"""


def test_checks_the_url_before_the_driver(tmp_path: Path) -> None:
    (tmp_path / "contacts.db").touch()
    expected = [
        ("mysql://a/b", "TARGET must be a URL such as postgresql://"),
        ("postgresql://a/b", "needs its driver: run pip install 'contacts-service[postgres]'"),
        ("postgresql://u:pw@a,[::1]:5432,/b?sslmode=require", "needs its driver"),
        ("postgresql:///b?host=/tmp", "needs its driver"),
        ("postgresql://u:pw@a:x/b", "cannot be read: a port must be a number"),
        ("postgresql://u:pw/x@a/b", "cannot be read: it has an @ in its host or in the name"),
        ("postgresql://u:p@w@a/b", "cannot be read: it has an @ in its host or in the name"),
        ("postgresql://u:pw%zz@a/b", "cannot be read: % must be followed by two hexadecimal"),
        ("postgresql://[::1/b", "cannot be read: an IPv6 address needs [ and ]"),
        ("postgresql://a/b?sslmode", "cannot be read: a parameter must be written as name=value"),
    ]
    command = [sys.executable, "-c", WITHOUT_DRIVER, tmp_path, *(target for target, _ in expected)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=clean_environ(), timeout=60
    )
    for (_, reason), (status, shown) in zip(expected, json.loads(done.stdout), strict=True):
        assert (status, reason in shown) == (2, True), shown
        assert "pw" not in shown


def test_reports_why_a_copy_is_refused(store: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "contacts.db").touch()
    for target, reason in (
        ("postgresql://a/b", "unset it to copy a data folder"),
        (str(tmp_path), "there is a store"),
        ("mysql://a/b", "TARGET is a URL: name a folder to copy to"),
    ):
        refused = run_contacts("copy", target, **store)
        assert (refused.returncode, reason in refused.stderr) == (2, True), refused.stderr
