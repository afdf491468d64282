"""Concurrent writers: nothing is lost or repeated, counts are exact, conflicts are retried."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from app.contacts import handlers, model, writer
from app.contacts.model import Draft
from app.database.interface import Connection, Retry
from app.database.postgres.store import Database
from app.errors import Busy, NotFound, Unavailable
from app.journal import store as journal
from app.tags import handlers as tags
from tests.conftest import store_faults, wait_until
from tests.postgres import PostgresServer

PHONES = [f"9188568791{number:02}" for number in range(12)]


def test_writers_lose_nothing(db: Database) -> None:
    """Edits that add one to a number, upserts that create, deletions, renames of a tag."""
    added = dict.fromkeys(PHONES, 0)
    mutex = threading.Lock()

    def add_one(phone: str) -> None:
        def edit(before: object, now: str) -> object:
            fields = before.custom_fields  # type: ignore[attr-defined]
            more = {"n": fields.get("n", 0) + 1}
            return model.upsert(before, Draft(phone, custom_fields=more), now)  # type: ignore[arg-type]

        handlers.edit_contact(db, phone, edit, keys=["n"])  # type: ignore[arg-type]
        with mutex:
            added[phone] += 1

    def work(seed: int) -> None:
        seeded = random.Random(seed)
        for _ in range(25):
            phone = seeded.choice(PHONES[:6])
            try:
                add_one(phone)
            except NotFound:
                handlers.upsert_contact(db, Draft(phone, tags=("Lead", f"t{seed}")))
            other = seeded.choice(PHONES[6:])
            handlers.upsert_contact(db, Draft(other, tags=(seeded.choice(("a", "b", "c")),)))
            if seeded.random() < 0.3:
                _unless_gone(lambda other=other: handlers.delete_contact(db, other))
            if seeded.random() < 0.05:
                _unless_gone(lambda: tags.rename_tag(db, "a", "b"))
        db.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    for phone in PHONES[:6]:
        fields = handlers.get_contact(db, phone).custom_fields
        assert fields.get("n", 0) == added[phone]
    assert store_faults(db) == []
    db.connection().number_changes()
    seqs = [each.seq for each in journal.list_events(db.connection(), after=0, most=9_999)]
    assert seqs == list(range(1, len(seqs) + 1))
    assert journal.last_seq(db.connection()) == len(seqs)


def _unless_gone(act: Callable[[], object]) -> None:
    with suppress(NotFound):
        act()


def test_a_reader_gets_every_event_exactly_once(db: Database) -> None:
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while True:
            last = done.is_set()
            db.connection().number_changes()
            after = seen[-1] if seen else 0
            found = [each.seq for each in journal.list_events(db.connection(), after=after, most=9)]
            seen.extend(found)
            if last and not found:
                db.close()
                return

    def write(number: int) -> None:
        for each in range(30):
            handlers.upsert_contact(db, Draft(f"9188{number:03}{each:05}"))
        db.close()

    reader = threading.Thread(target=follow)
    reader.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    done.set()
    reader.join(60)
    assert seen == list(range(1, 121))


def test_a_conflict_is_retried(db: Database) -> None:
    tries: list[int] = []

    def job(tx: Connection) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise Retry("changed")
        return len(tries)

    assert db.write(job) == 3


def test_a_persistent_conflict_raises_unavailable(db: Database) -> None:
    def job(tx: Connection) -> None:
        raise Retry("changed")

    with pytest.raises(Unavailable, match="changed"):
        db.write(job)


def test_concurrent_writes_create_one_contact(db: Database) -> None:
    gate = threading.Barrier(2)

    def create(name: str) -> bool:
        gate.wait(20)
        created = handlers.upsert_contact(db, Draft("918856879188", name)).created
        db.close()
        return created

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(create, ("Priya", "Asha"))) == [False, True]


def test_an_exclusive_transaction_waits_for_others(db: Database) -> None:
    with db._transaction(5, alone=False):
        other = Database(db._url, db.counters._folder.parent)
        with pytest.raises(Busy), other.transaction(seconds=0.1):
            pass
        with other._transaction(0.1, alone=False) as tx:
            tx.execute("SELECT 1")
        other.close()


def test_retries_a_link_to_a_tag_that_was_deleted(db: Database) -> None:
    """Another transaction deletes the tag between the look-up and the commit."""
    handlers.upsert_contact(db, Draft("918856879188", tags=("VIP",)))
    tries: list[int] = []

    def job(tx: Connection) -> None:
        [(tag,)] = tx.execute("SELECT id FROM tags WHERE name = 'VIP'") or [(0,)]
        tries.append(tag)
        if len(tries) == 1:
            thread = threading.Thread(target=remove)
            thread.start()
            thread.join(20)
        if tag:
            tx.insert_many("INSERT INTO contact_tags (tag_id, contact_id)", [(tag, 77)])

    def remove() -> None:
        handlers.remove_tag(db, "918856879188", "VIP")
        db.close()

    db.write(job)
    assert tries[1:] == [0]
    assert store_faults(db) == []


def test_continues_after_its_connections_were_ended(postgres: PostgresServer, db: Database) -> None:
    handlers.upsert_contact(db, Draft("918856879188"))
    [(name,)] = db.connection().execute("SELECT current_database()")
    end_all = (
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    postgres.run(end_all)
    assert handlers.get_contact(db, "918856879188").phone == "918856879188"
    postgres.run(end_all)
    assert handlers.upsert_contact(db, Draft("918856879189")).created


def test_the_longest_names_fit_their_indexes(db: Database) -> None:
    longest = "".join(chr(0x3300 + number * 7 % 88) for number in range(255))
    arabic = "".join(chr(0xFDF0 + number * 5 % 13) for number in range(255))
    values = {"v": "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(4_096))}
    for phone, name in (("918856879188", longest), ("918856879189", arabic)):
        handlers.upsert_contact(db, Draft(phone, name, custom_fields=values))
    assert store_faults(db) == []


def test_edits_that_wait_share_a_transaction(db: Database) -> None:
    sizes: list[int] = []
    leads, may_end = threading.Event(), threading.Event()

    def write(tx: Connection, edits: list[writer.Edit]) -> list[writer.Outcome]:
        sizes.append(len(edits))
        if len(sizes) == 1:
            leads.set()
            assert may_end.wait(20)
        return writer.write_edits(tx, edits)

    def create(phone: str) -> object:
        with closing(db):
            return db.write_together(write, writer.upsert_edit(Draft(phone)))

    with ThreadPoolExecutor(len(PHONES)) as pool:
        first = pool.submit(create, PHONES[0])
        assert leads.wait(20)
        others = [pool.submit(create, phone) for phone in PHONES[1:]]
        wait_until(lambda: len(db._group._waiting) == len(others))
        may_end.set()
        assert all(each.result(20).created for each in (first, *others))  # type: ignore[attr-defined]
    assert sizes == [1, len(others)]
    assert store_faults(db) == []


def test_edits_of_a_group_are_retried_after_a_conflict(db: Database) -> None:
    runs = []

    def write(tx: Connection, edits: list[writer.Edit]) -> list[writer.Outcome]:
        runs.append(len(edits))
        outcomes = writer.write_edits(tx, edits)
        if len(runs) == 1:
            raise Retry("Another request did the same.")
        return outcomes

    change = db.write_together(write, writer.upsert_edit(Draft(PHONES[0], tags=("VIP",))))
    assert change.created  # type: ignore[attr-defined]
    assert runs == [1, 1]
    assert store_faults(db) == []


def test_values_of_a_group_are_stored_as_they_are(db: Database) -> None:
    names = ['"quoted"', "back\\slash", "{braces, commas}", "NULL", "%s %(x)s", "\U0001f600", None]
    for number, name in enumerate(names):
        fields = {f"f{number}": name or ""}
        handlers.upsert_contact(db, Draft(PHONES[number], name, custom_fields=fields))
    stored = [handlers.get_contact(db, phone) for phone in PHONES[: len(names)]]
    assert [each.first_name for each in stored] == names
    assert [each.custom_fields for each in stored] == [
        {f"f{number}": name or ""} for number, name in enumerate(names)
    ]
    assert store_faults(db) == []


def test_connections_have_timeouts_for_a_lost_machine(db: Database) -> None:
    given = db.connection()._driver.info.get_parameters()
    assert given["tcp_user_timeout"] == "10000"
    assert given["connect_timeout"] == "5"
