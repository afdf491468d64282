"""Doctor finds invalid values that older versions stored, and cleans them as an update does."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

import pytest

from app.contacts import store
from app.contacts.model import Contact
from app.custom_fields.handlers import pin_custom_field
from app.custom_fields.store import list_custom_fields
from app.database import Connection, Database
from app.journal.handlers import read_changes
from app.maintenance import stored_values
from app.maintenance.doctor import check_values
from app.maintenance.stored_values import clean_contacts, cleaned, unclean_contacts, unclean_pins
from tests.conftest import store_faults

THEN = "2026-01-01T00:00:00Z"


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Reads:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def execute(self, sql: str, /) -> list[tuple[object, ...]]:
        return self._db.execute(sql)


def _contact(number: int = 0, **values: object) -> Contact:
    return Contact(f"91885687{9100 + number}", THEN, THEN, **values)  # type: ignore[arg-type]


def _unclean(db: Database) -> tuple[int, list[str]]:
    return unclean_contacts(Reads(db.connection()))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"tags": ("a\u200b", "b", "a", "\u200b")}, {"tags": ("a", "b")}),
        ({"custom_fields": {"k\u200b": 1, "k": 2}}, {"custom_fields": {"k": 2}}),
        ({"custom_fields": {"k\u200b": 1, "k": ""}}, {"custom_fields": {"k": 1}}),
        ({"custom_fields": {"\ufeffk": 1, "k\u200b": 2}}, {"custom_fields": {"k": 1}}),
        ({"custom_fields": {"k": "\u200b ", "n": 0, "no": False}}, {}),
        ({"first_name": "\u200bAsha\u200b", "last_name": "\u200b"}, {"first_name": "Asha"}),
        ({"custom_fields": {"\u200b": 1}}, {"custom_fields": {"unnamed": 1}}),
        (
            {"custom_fields": {"\u200b": 1, "\u2060": 2, "unnamed": 3}},
            {"custom_fields": {"unnamed_2": 1, "unnamed_3": 2, "unnamed": 3}},
        ),
        ({"email": "a@example.com\u200b"}, {"email": "a@example.com"}),
    ],
)
def test_cleans_values_like_the_api(before: dict[str, object], after: dict[str, object]) -> None:
    if not after:
        after = {"custom_fields": {"n": 0, "no": False}}
    assert cleaned(_contact(**before)) == _contact(**after)


@pytest.mark.parametrize(
    "values",
    [
        {"first_name": "Zo\u00eb", "tags": ("VIP \U0001f469\u200d\U0001f4bb",)},
        {"custom_fields": {"a": " text \u200b", "b": 'say "" and \\'}},
        {"email": "no address \u200b"},
    ],
)
def test_keeps_values_that_are_valid_or_cannot_be_cleaned(values: dict[str, object]) -> None:
    assert cleaned(_contact(**values)) == _contact(**values)


def test_cleans_in_batches_each_complete(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that fails leaves those before it: the next run does the rest."""
    monkeypatch.setattr(stored_values, "BATCH", 2)
    with db.transaction() as tx:
        store.insert_contacts(
            tx, [_contact(number, tags=("a\u200b", "a"), first_name="A") for number in range(5)]
        )
        store.insert_contacts(tx, [_contact(5, tags=("a",))])
    assert _unclean(db) == (5, [r"tag 'a\u200b'"])
    with pytest.raises(InterruptedError):
        clean_contacts(_failing(db.transaction, after=2))
    assert _unclean(db)[0] == 1
    assert clean_contacts(db.transaction) == (1, 0)
    assert clean_contacts(db.transaction) == (0, 0)
    assert _unclean(db) == (0, [])
    assert store_faults(db) == []
    db.connection().number_changes()
    with db.snapshot() as snapshot:
        events, _ = read_changes(snapshot, None, 100, None)
    assert [each.event for each in events] == ["contact.updated"] * 5
    data = json.loads(events[0].data)
    assert (data["changed"], data["previous"]) == (["tags"], {"tags": ["a\u200b", "a"]})
    assert data["updated_at"] > THEN


def _failing(
    transaction: Callable[[], AbstractContextManager[Connection]], after: int
) -> Callable[[], AbstractContextManager[Connection]]:
    numbers = count()

    @contextmanager
    def run() -> Iterator[Connection]:
        with transaction() as tx:
            yield tx
            if next(numbers) == after:
                raise InterruptedError

    return run


def test_reports_values_of_another_type_than_the_field(db: Database) -> None:
    with db.transaction() as tx:
        store.insert_contacts(tx, [_contact(custom_fields={"score\u200b": "high"})])
    pin_custom_field(db, "score", label=None, required_type="number")
    assert clean_contacts(db.transaction) == (0, 1)
    assert _unclean(db) == (1, [r"key 'score\u200b'"])
    pin_custom_field(db, "score", label=None, required_type=None)
    assert clean_contacts(db.transaction) == (1, 0)
    assert store_faults(db) == []


@pytest.mark.parametrize("own", [None, "Own"])
def test_labels_and_types_follow_their_keys(db: Database, own: str | None) -> None:
    with db.transaction() as tx:
        store.insert_contacts(tx, [_contact(custom_fields={"score\u200b": 1})])
    pin_custom_field(db, "score\u200b", label="Score", required_type="number")
    pin_custom_field(db, "score", label=own, required_type=None)
    assert unclean_pins(Reads(db.connection())) == []  # They are still in use.
    assert clean_contacts(db.transaction) == (1, 0)
    [field] = list_custom_fields(db.connection(), limit=9, offset=0)
    expected = ("score", 1, own, None) if own else ("score", 1, "Score", "number")
    assert (field.key, field.contacts, field.label, field.required_type) == expected
    assert unclean_pins(Reads(db.connection())) == []
    assert store_faults(db) == []


def test_finds_the_pins_that_a_killed_process_left(db: Database) -> None:
    pin_custom_field(db, "score\u200b", label="Score", required_type=None)
    assert check_values(Reads(db.connection())).state == "problem"
    assert clean_contacts(db.transaction) == (0, 0)
    assert check_values(Reads(db.connection())).state == "ok"
    assert [each.key for each in list_custom_fields(db.connection(), limit=9, offset=0)] == [
        "score"
    ]


def test_reports_no_names_of_contacts(db: Database) -> None:
    with db.transaction() as tx:
        store.insert_contacts(tx, [_contact(first_name="Asha\u200b", email="a@example.com\ufeff")])
    assert _unclean(db) == (1, [])
    assert clean_contacts(db.transaction) == (1, 0)
    assert store_faults(db) == []
