"""Keys: creation, storage as a digest, authentication, expiry, revocation, last use."""

import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest import MonkeyPatch

from app.api_keys import store
from app.api_keys.handlers import (
    authenticate,
    create_api_key,
    create_first_api_key,
    is_touch_due,
    revoke_api_key,
    touch_api_key,
)
from app.api_keys.model import PREFIX, SCOPES, ApiKey, digest
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.errors import NotFound, Unauthorized
from app.serving.startup import prepare
from app.settings import Settings
from tests.conftest import wait_until

NOON = datetime(2026, 6, 2, 12, tzinfo=UTC)


def set_time(monkeypatch: MonkeyPatch, instant: datetime) -> None:
    monkeypatch.setattr("app.clock.now", lambda: instant)


def stored(db: Database, label: str = "tests") -> ApiKey:
    [key] = [key for key in store.list_api_keys(db.connection()) if key.label == label]
    return key


def is_refused(db: Database, secret: str) -> bool:
    try:
        authenticate(db, secret)
    except Unauthorized:
        return True
    return False


def test_makes_a_key_of_256_random_bits(db: Database) -> None:
    made = {create_api_key(db, label=str(n), scopes=SCOPES) for n in range(10)}
    assert len(made) == 10
    for secret in made:
        assert re.fullmatch(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", secret)


def test_authenticates_a_key(db: Database, monkeypatch: MonkeyPatch) -> None:
    set_time(monkeypatch, NOON)
    secret = create_api_key(
        db, label="tests", scopes=("admin",), expires_at=NOON + timedelta(days=1), rate_limit=60
    )
    key = authenticate(db, secret)
    assert key.id.startswith("key_")
    assert key == ApiKey(
        id=key.id,
        label="tests",
        scopes=("admin",),
        rate_limit=60,
        created_at="2026-06-02T12:00:00Z",
        expires_at="2026-06-03T12:00:00Z",
    )


@pytest.mark.parametrize(
    "secret", ["", "x", PREFIX, PREFIX + "x" * 43, "x" * 10_000, "\u00e9", "\x00"]
)
def test_rejects_unknown_secrets(db: Database, key: str, secret: str) -> None:
    with pytest.raises(Unauthorized):
        authenticate(db, secret)


def test_rejects_strings_that_are_almost_keys(db: Database, key: str) -> None:
    nearly = (key[:-1], key + "x", key.swapcase(), key + " ", " " + key, key.removeprefix(PREFIX))
    for secret in (*nearly, digest(key).hex()):
        assert is_refused(db, secret)
    assert not is_refused(db, key)


def test_expires_at_its_second(db: Database, monkeypatch: MonkeyPatch) -> None:
    set_time(monkeypatch, NOON)
    secret = create_api_key(db, label="tests", scopes=SCOPES, expires_at=NOON + timedelta(hours=1))
    set_time(monkeypatch, NOON + timedelta(minutes=59, seconds=59))
    assert not is_refused(db, secret)
    set_time(monkeypatch, NOON + timedelta(hours=1))
    assert is_refused(db, secret)
    set_time(monkeypatch, NOON + timedelta(days=365))
    assert is_refused(db, secret)


def test_a_revoked_key_is_rejected_within_a_second(db: Database, key: str) -> None:
    assert not is_refused(db, key)
    revoke_api_key(db, stored(db).id)
    wait_until(lambda: is_refused(db, key), seconds=1)


def test_a_new_key_works_within_a_second(db: Database) -> None:
    create_api_key(db, label="tests", scopes=SCOPES)
    secret = create_api_key(db, label="another", scopes=SCOPES)
    wait_until(lambda: not is_refused(db, secret), seconds=1)


def test_keeps_the_time_of_the_first_revocation(db: Database, monkeypatch: MonkeyPatch) -> None:
    create_api_key(db, label="other", scopes=SCOPES)
    for hours in (0, 5):
        set_time(monkeypatch, NOON + timedelta(hours=hours))
        revoke_api_key(db, stored(db, "other").id)
    assert stored(db, "other").revoked_at == "2026-06-02T12:00:00Z"


def test_rejects_revoking_an_unknown_id(db: Database) -> None:
    with pytest.raises(NotFound, match="key_0"):
        revoke_api_key(db, "key_0")


def test_revoking_leaves_other_keys(db: Database, key: str) -> None:
    other = create_api_key(db, label="other", scopes=SCOPES)
    revoke_api_key(db, stored(db, "other").id)
    wait_until(lambda: is_refused(db, other), seconds=1)
    assert not is_refused(db, key)


@pytest.mark.sqlite
def test_makes_a_first_key_once(settings: Settings) -> None:
    prepare(settings)
    shown: list[str] = []
    with closing(Database(settings.database)) as db:
        create_first_api_key(db, shown.append)
        assert shown == []
        [first] = store.list_api_keys(db.connection())
        assert (first.label, first.scopes) == ("first admin key", SCOPES)
        revoke_api_key(db, first.id)
        create_first_api_key(db, shown.append)
    assert shown == []


def test_stores_no_first_key_that_could_not_be_shown(tmp_path: Path) -> None:
    db = Database(tmp_path / "contacts.db")
    migrate(db.path)

    def fail(secret: str) -> None:
        raise OSError

    with closing(db):
        with pytest.raises(OSError):
            create_first_api_key(db, fail)
        assert store.list_api_keys(db.connection()) == []
        shown: list[str] = []
        create_first_api_key(db, shown.append)
        assert authenticate(db, shown[0]).label == "first admin key"


@pytest.mark.sqlite
def test_stores_a_digest_only(db: Database, key: str) -> None:
    authenticate(db, key)
    folder: Path = db.path.parent
    everything = b"".join(path.read_bytes() for path in folder.glob("contacts*"))
    assert digest(key) in everything and len(digest(key)) == 32
    assert key.encode() not in everything
    assert key.removeprefix(PREFIX).encode() not in everything


def test_records_the_use_of_a_key(db: Database, key: str, monkeypatch: MonkeyPatch) -> None:
    assert is_touch_due(stored(db))
    set_time(monkeypatch, NOON)
    touch_api_key(db, stored(db))
    assert stored(db).last_used_at == "2026-06-02T12:00:00Z"
    assert not is_touch_due(stored(db))


def test_records_the_use_once_a_minute(db: Database, key: str, monkeypatch: MonkeyPatch) -> None:
    noted = []
    for seconds in (0, 1, 59, 60, 61, 119, 120):
        set_time(monkeypatch, NOON + timedelta(seconds=seconds))
        touch_api_key(db, stored(db))
        noted.append(stored(db).last_used_at)
    assert [(noted[0] or "")[14:19]] == ["00:00"]
    assert [(each or "")[14:19] for each in noted[1:]] == [
        "00:00",
        "00:00",
        "01:00",
        "01:00",
        "01:00",
        "02:00",
    ]


@pytest.mark.sqlite
def test_does_not_record_the_use_while_the_store_is_busy(db: Database, key: str) -> None:
    before = stored(db)
    other = Database(db.path)
    with other.transaction():
        touch_api_key(db, before)
    other.close()
    assert stored(db) == before
