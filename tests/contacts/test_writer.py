"""The one path of writes: alone or in groups, every edit is stored, counted and in the journal."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.contacts import bulk, handlers, model, store
from app.contacts.model import Contact, Draft
from app.contacts.writer import Edit, upsert_edit, write_edits
from app.custom_fields.store import list_keys
from app.database import Connection
from app.database.sqlite.store import Database
from app.errors import InvalidInput, NotFound
from app.journal import store as journal
from app.thread_pool import ThreadPool
from tests.conftest import store_faults, wait_until
from tests.contacts.test_store import PRIYA, Recorder, assert_indexed, insert


@pytest.fixture
def recorder(db: Database) -> Iterator[Recorder]:
    insert(db, PRIYA)
    with closing(Recorder(db.path)) as recorder:
        yield recorder


def write(db: Database, *edits: Edit) -> list[object]:
    with db.transaction() as tx:
        return [
            each if isinstance(each, Exception) else each.status for each in write_edits(tx, edits)
        ]


def test_looks_up_by_an_index(recorder: Recorder) -> None:
    known = store.look_up(recorder, [PRIYA.phone, "1"], ["plan", "x"], ["VIP", "x"])
    assert [each.contact for each in known.contacts.values()] == [PRIYA]
    assert (known.ids.tags.keys(), known.ids.fields.keys()) == ({"VIP"}, {"plan"})
    assert list_keys(recorder) == sorted(PRIYA.custom_fields)
    # The given values are scanned, and `sqlite_sequence` has a row for each table.
    plans = {
        sql: [
            each
            for each in plan
            if "json_each" not in each and "asked" not in each and "sqlite_sequence" not in each
        ]
        for sql, plan in recorder.plans.items()
    }
    assert_indexed(plans, orderly="custom_fields USING INDEX")


def test_a_group_has_the_results_of_sequential_writes(db: Database) -> None:
    phones = [f"9188568791{number:02}" for number in range(4)]
    seeded = random.Random(7)
    drafts = [
        Draft(
            seeded.choice(phones),
            first_name=seeded.choice([None, "Priya", "Asha Rao"]),
            email=seeded.choice([None, "a@example.com", "b@example.com"]),
            tags=seeded.choice([None, (), ("VIP",), ("Lead", "VIP")]),
            custom_fields=seeded.choice([{}, {"plan": "pro"}, {"plan": 1}, {"n": True, "x": 1.5}]),
        )
        for _ in range(60)
    ]
    alone = [handlers.upsert_contact(db, each).status for each in drafts]
    events = _events(db)
    contacts = {each: _state(store.find_contact(db.connection(), each)) for each in phones}
    for each in phones:
        handlers.delete_contact(db, each)
    db.connection().number_changes()
    before = journal.last_seq(db.connection())
    assert write(db, *map(upsert_edit, drafts)) == alone
    assert {each: _state(store.find_contact(db.connection(), each)) for each in phones} == contacts
    assert _events(db, before) == events
    assert store_faults(db) == []


def _state(contact: Contact | None) -> object:
    return contact and (contact.first_name, contact.email, contact.tags, contact.custom_fields)


def _events(db: Database, after: int = 0) -> list[str]:
    db.connection().number_changes()
    found = journal.list_events(db.connection(), after=after, most=1_000)
    return [each.event for each in found]


def test_a_failing_edit_does_not_affect_others(db: Database) -> None:
    def refuse(before: Contact | None, now: str) -> model.Change:
        raise NotFound("no")

    many = {f"key {number}": 1 for number in range(300)}
    found = write(
        db,
        upsert_edit(Draft("918856879188", custom_fields=many)),
        upsert_edit(Draft("918856879188", first_name="Priya")),
        Edit("918856879189", refuse, None),
        upsert_edit(Draft("918856879189", tags=("VIP",))),
    )
    assert [type(found[0]), found[1], type(found[2]), found[3]] == [
        *(InvalidInput, "created"),
        *(NotFound, "created"),
    ]
    assert _events(db) == ["contact.created", "contact.created"]
    assert store_faults(db) == []


def test_a_tag_removed_and_added_in_one_group_keeps_its_count(db: Database) -> None:
    handlers.upsert_contact(db, Draft("918856879188", tags=("VIP",), custom_fields={"a": 1}))
    write(
        db,
        upsert_edit(Draft("918856879188", tags=())),
        upsert_edit(Draft("918856879189", tags=("VIP",), custom_fields={"a": "x"})),
    )
    assert db.connection().execute("SELECT name, contacts FROM tags") == [("VIP", 1)]
    assert store_faults(db) == []


@pytest.mark.sqlite
def test_threads_that_wait_are_written_together(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []

    def counting(tx: Connection, edits: list[Edit]) -> list[object]:
        groups.append(len(edits))
        return list(write_edits(tx, edits))

    monkeypatch.setattr("app.contacts.writer.write_edits", counting)

    def post(number: int) -> None:
        with closing(db):
            handlers.upsert_contact(db, Draft(f"9188568700{number:02}", tags=("VIP",)))

    threads = [threading.Thread(target=post, args=(number,)) for number in range(12)]
    with Database(db.path).transaction():
        for each in threads:
            each.start()
        while len(db._group._waiting) < 12:
            threading.Event().wait(0.01)
    for each in threads:
        each.join()
    assert groups == [12]
    assert store_faults(db) == []


@pytest.mark.sqlite
def test_edits_of_one_pool_join_those_that_gather(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(db, PRIYA)
    groups: list[int] = []

    def counting(tx: Connection, edits: list[Edit]) -> list[object]:
        groups.append(len(edits))
        return list(write_edits(tx, edits))

    monkeypatch.setattr("app.contacts.writer.write_edits", counting)
    drafts = [Draft("14155552671"), Draft(PRIYA.phone), Draft("14155552672"), Draft("14155552671")]
    statuses: dict[int, str] = {}

    def post(number: int) -> None:
        with closing(db):
            statuses[number] = handlers.upsert_contact(db, drafts[number]).status

    begun = threading.Event()
    pool = ThreadPool(
        lambda number: begun.wait() if number < 0 else post(number), threads=5, slots=1
    )
    for number in (-1, 0, 1, 2, 3):
        pool.submit(number)
    begun.set()
    wait_until(lambda: len(statuses) == len(drafts))
    pool.shutdown()
    assert [statuses[number] for number in range(4)] == [
        "created",
        "unchanged",
        "created",
        "unchanged",
    ]
    assert groups == [4]
    assert not db.gathers_writes()
    assert store_faults(db) == []


def test_a_batch_updates_contacts_that_it_has_inserted(db: Database) -> None:
    drafts = [Draft("918856879188", first_name=name) for name in ("a", "b", "b", "a")]
    drafts.insert(2, Draft("14155552671", tags=("x",)))
    outcomes = bulk.upsert_all(db, drafts)
    found = [each.status for each in outcomes if not isinstance(each, Exception)]
    assert found == ["created", "updated", "created", "unchanged", "updated"]
    assert store_faults(db) == []


@pytest.mark.sqlite
def test_a_merge_that_was_done_before_writes_nothing(db: Database) -> None:
    for phone in ("918856879188", "918856879189"):
        handlers.upsert_contact(db, Draft(phone))
    handlers.merge_contacts(db, "918856879188", "918856879189")
    counted = db.counters.read()[handlers.WRITES["merged"]]
    with db.transaction():  # Nobody else can write.
        change = handlers.merge_contacts(Database(db.path), "918856879188", "918856879189")
    assert change.changed == []
    assert db.counters.read()[handlers.WRITES["merged"]] == counted
