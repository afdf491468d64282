"""What several servers share: the lease of a turn, and rate limits by the clock of the database."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.contacts.handlers import delete_contact, upsert_contact
from app.contacts.model import Draft
from app.database.postgres.lease import SECONDS, Lease
from app.database.postgres.store import Database
from app.errors import Unavailable
from app.settings import Settings
from app.web.rate_limit import DatabaseRateLimiter
from tests.conftest import wait_until


def test_only_one_holder_has_a_turn(db: Database) -> None:
    with db.turn("work") as first:
        assert first is not None
        assert SECONDS - 1 < first.seconds_left() <= SECONDS
        with db.turn("work") as second, db.turn("other") as third:
            assert second is None and third is not None
    with db.turn("work") as next_:
        assert next_ is not None


def test_an_expired_lease_is_taken_over(db: Database) -> None:
    now = [0.0]
    lease = Lease(db, "work", clock=lambda: now[0])
    assert lease.take() and lease.seconds_left() == SECONDS
    now[0] += 1
    assert lease.seconds_left() == SECONDS - 1
    db.connection().execute("UPDATE leases SET until = clock_timestamp() - interval '1 ms'")
    with db.turn("work") as other:
        assert other is not None
        now[0] += 2
        assert lease.seconds_left() == 0
        with pytest.raises(Unavailable), db.transaction() as tx:
            lease.check(tx)
        with db.transaction() as tx:
            other.check(tx)
        lease.give_back()
        assert other.seconds_left() > 0


def test_a_renewal_counts_from_before_it_was_sent(db: Database) -> None:
    now = [0.0]
    lease = Lease(db, "work", clock=lambda: now[0])
    assert lease.take()
    now[0] += 5
    assert lease.seconds_left() == SECONDS
    now[0] += 1.9
    assert lease.seconds_left() == SECONDS - 1.9


def test_deleted_rows_are_removed_once_a_minute_over_all_servers(
    db: Database, settings: Settings
) -> None:
    def delete(store: Database, phone: str) -> None:
        upsert_contact(store, Draft(phone))
        delete_contact(store, phone)
        store.close()

    def state() -> tuple[int, int]:
        [row] = db.connection().execute(
            """
            SELECT pg_stat_get_vacuum_count('contacts'::regclass),
                COALESCE((SELECT value FROM counters WHERE name = 'erasures_due'), 0)
            """
        )
        return row[0], row[1]

    other = Database(settings.database_url or "", settings.data)
    before, _ = state()
    delete(db, "918856879188")
    wait_until(lambda: state() == (before + 1, 0))
    delete(other, "918856879189")
    delete(db, "918856879188")
    assert state() == (before + 1, 2)
    db.connection().execute("UPDATE leases SET until = clock_timestamp() - interval '1 ms'")
    wait_until(lambda: state() == (before + 2, 0))
    db.connection().execute("UPDATE leases SET until = clock_timestamp() - interval '1 ms'")


def test_a_limit_is_exact_over_threads(db: Database) -> None:
    limiter = DatabaseRateLimiter(db)

    def take(_: int) -> bool:
        allowed = limiter.take("a", 50).retry_after is None
        db.close()
        return allowed

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(80))) == 50
    quota = limiter.take("a", 50)
    assert quota.remaining == 0 and 1 <= (quota.retry_after or 0) <= 61
    assert limiter.take("b", 50).remaining == 49
    assert limiter.take("b", 50, count=False).remaining == 49


def test_a_tenth_of_a_second_is_forgotten_after_a_minute(db: Database) -> None:
    limiter = DatabaseRateLimiter(db)
    for _ in range(3):
        limiter.take("a", 10)
    assert limiter.take("a", 10, count=False).remaining == 7
    shift = """
        UPDATE limits
        SET slot = slot - {0},
            counts = (
                SELECT array_agg(counts[(i + {0}) % 601 + 1] ORDER BY i)
                FROM generate_series(0, 600) AS i
            )
    """
    db.connection().execute(shift.format(590))
    assert limiter.take("a", 10, count=False).remaining == 7
    db.connection().execute(shift.format(30))
    assert limiter.take("a", 10, count=False).remaining == 10


def test_time_does_not_go_backwards_when_the_clock_is_set_back(db: Database) -> None:
    limiter = DatabaseRateLimiter(db)
    limiter.take("a", 10)
    db.connection().execute("UPDATE limits SET slot = slot + 6000")
    assert limiter.take("a", 10).remaining <= 9
    assert limiter.take("a", 10).reset >= time.time()
