"""A build tests contacts without the lock of writers, and is exact while they change."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from app import clock
from app.contacts import sweeps
from app.database import Database
from app.segments import build, store
from app.segments.batch import Batch, begin_batch, check_next
from tests.segments.conftest import VIP, Segments

CONTACTS = "/v1/contacts"
A, B, C, D = "918856879188", "14155552671", "447400123456", "5511987654321"


def upsert(client: FlaskClient, phone: str, **values: object) -> None:
    answer = client.post(CONTACTS, json={"phone": phone, **values})
    assert answer.status_code in (200, 201), answer.text


def begin(db: Database, name: str, filter: str) -> None:
    """Set a segment whose build has not begun."""
    with db.transaction() as tx:
        store.insert_segment(tx, name, filter, notify=False, now=clock.timestamp())
        store.change_version(tx)


def unstored_batch(db: Database, most: int = 10) -> Batch:
    """Return a batch whose contacts are tested, and that is not stored."""
    [(id, _)] = store.list_unfinished(db.connection())
    batch = begin_batch(db.connection(), id)
    assert batch
    with db.snapshot() as reads:
        check_next(reads, batch, most)
    return batch


def finish(db: Database, batch: Batch) -> None:
    with db.transaction() as tx:
        build.store_batch(tx, batch)
    build.work_off(db)


def test_contacts_that_change_after_their_test_are_members_if_they_match(
    client: FlaskClient, db: Database, segments: Segments
) -> None:
    for phone, tags in ((A, ["VIP"]), (B, ["VIP"]), (C, []), (D, ["VIP"])):
        upsert(client, phone, tags=tags)
    begin(db, "vip", '{"field":"tag","op":"eq","value":"VIP"}')
    batch = unstored_batch(db)
    assert len(batch.to_move) == 3
    upsert(client, A, tags=[])
    upsert(client, C, tags=["VIP"])
    client.delete(f"{CONTACTS}/{D}")
    finish(db, batch)
    assert segments.members("vip") == sorted([B, C])


def test_a_batch_is_dropped_when_segments_change(
    client: FlaskClient, db: Database, segments: Segments
) -> None:
    upsert(client, A, tags=["VIP"])
    upsert(client, B, tags=["Gold"])
    begin(db, "vip", '{"field":"tag","op":"eq","value":"VIP"}')
    batch = unstored_batch(db, most=1)
    assert len(batch.to_move) == 1
    with db.transaction() as tx:
        store.update_filter(
            tx, batch.segment_id, '{"field":"tag","op":"eq","value":"Gold"}', clock.timestamp()
        )
        store.change_version(tx)
        build.store_batch(tx, batch)
        assert store.members_between(tx, batch.segment_id, 0, 10) == set()
    finish(db, batch)
    assert segments.members("vip") == [B]


def test_a_contact_that_changes_after_its_test_gets_its_new_moment(
    client: FlaskClient, db: Database, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 2, 12, tzinfo=UTC))
    client.put("/v1/custom-fields/day", json={"type": "date"})
    upsert(client, A, custom_fields={"day": "2026-06-20"})
    begin(db, "past", '{"field":"custom_fields.day","op":"lt","value":"today"}')
    batch = unstored_batch(db)
    upsert(client, A, custom_fields={"day": "2026-06-10"})
    finish(db, batch)
    soon = int(datetime(2026, 6, 11, tzinfo=UTC).timestamp())
    assert store.due_moments(db.connection(), now=soon, most=9) == [(batch.segment_id, 1)]


def test_builds_in_batches_of_bounded_changes(
    client: FlaskClient, db: Database, segments: Segments, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"phone": f"9188568791{n:02}", "tags": ["VIP"] * (n % 2)} for n in range(60)]
    client.post(f"{CONTACTS}/batch", json={"contacts": rows})
    moved: list[int] = []
    real = build.store_batch

    def store_batch(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        moved.append(len(given[1].to_move))  # type: ignore[attr-defined]

    monkeypatch.setattr(build, "store_batch", store_batch)
    monkeypatch.setattr(sweeps, "LARGEST_BATCH", 4)
    for name in ("TESTED_AT_ONCE", "FIRST_BATCH"):
        monkeypatch.setattr(build, name, 4)
    segments.set("vip", VIP)
    assert len(segments.members("vip")) == sum(moved) == 30
    assert max(moved) <= 5 and len(moved) > 5
