"""An export that is imported into an empty store gives the same contacts."""

import io
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from app.contacts.fields import MAX_INTEGER, clean_key, clean_tag, clean_value
from app.contacts.model import Contact, FieldValue
from app.contacts.store import insert_contacts, parse
from app.database.sqlite.migrate import migrate
from app.database.sqlite.store import Database
from app.search.paging import Search
from app.search.schemas import ListQuerySchema
from app.transfer.exporter import PAGE, export
from app.transfer.formats import FORMATS
from app.transfer.intake import Intake
from app.transfer.options import Options
from app.transfer.readers import Source
from app.web.fields import clean_text, is_blank
from tests.conftest import store_faults

DANGER = "'\"=+-@\t\r\n;\\, .eE017aä😀＝#"


def _is_value(text: str) -> bool:
    try:
        return clean_value(text) == text and not is_blank(text)
    except ValidationError:
        return False


def _line(text: str) -> str:
    return clean_text(text, 100)


def _cleaned(text: str, clean: Callable[[str], str] = _line) -> str:
    try:
        return clean(text)
    except ValidationError:
        return ""


ANY = st.one_of(
    st.text(st.sampled_from(DANGER), max_size=12),
    st.text(max_size=12),
    st.sampled_from(
        ["true", "FALSE", "null", "-0", "1e5", "1.0", "=cmd()", "''@x", '"a"', "007", "a:number"]
    ),
    st.integers().map(str),
)
LINES = ANY.map(_cleaned)
VALUES = st.one_of(
    ANY.filter(_is_value),
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([5e-324, -8.1683042519e-312, 0.1 + 0.2, 1e16, 7239079691392250.0]),
)
KEYS = st.one_of(
    ANY.map(lambda text: _cleaned(text, clean_key)).filter(bool),
    st.sampled_from(["age:number", "plan:any"]),
)
TAGS = ANY.map(lambda text: _cleaned(text, clean_tag)).filter(bool)
CONTACTS = st.builds(
    Contact,
    phone=st.integers(0, 99_999_999).map(lambda number: f"9188{number:08}"),
    created_at=st.datetimes().map(lambda when: when.strftime("%4Y-%m-%dT%H:%M:%SZ")),
    updated_at=st.just("2026-06-02T08:00:00Z"),
    first_name=LINES.map(lambda text: text or None),
    last_name=LINES.map(lambda text: text or None),
    email=st.sampled_from([None, "priya@example.com", "+x@example.com", "=1@example.com"]),
    tags=st.lists(TAGS, max_size=4, unique=True).map(tuple),
    custom_fields=st.dictionaries(KEYS, VALUES, max_size=4),
)


def contacts(db: Database) -> list[Contact]:
    rows = db.connection().execute(
        "SELECT document, custom_fields, updated_at FROM contacts ORDER BY id"
    )
    return [parse(*row) for row in rows]


SOME_CONTACTS = st.lists(CONTACTS, min_size=1, max_size=15, unique_by=lambda each: each.phone)
ALWAYS = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "contacts.db"
    migrate(path)
    return path


@pytest.mark.parametrize("format", FORMATS)
@settings(ALWAYS, max_examples=10)
@given(given_=SOME_CONTACTS)
def test_an_import_of_an_export_restores_each_contact(
    empty_store: Path, format: str, given_: list[Contact]
) -> None:
    assert_restored(empty_store, format, given_)


@pytest.mark.soak
@pytest.mark.parametrize("format", FORMATS)
@settings(ALWAYS, max_examples=100)
@given(given_=SOME_CONTACTS)
def test_an_import_of_an_export_restores_each_of_many_contacts(
    empty_store: Path, format: str, given_: list[Contact]
) -> None:
    assert_restored(empty_store, format, given_)


def assert_restored(empty_store: Path, format: str, given_: list[Contact]) -> None:
    """Check that an import of an export makes the same contacts in an empty store."""
    with TemporaryDirectory() as folder:
        one, other = Path(folder, "one.db"), Path(folder, "other.db")
        for path in (one, other):
            shutil.copy(empty_store, path)
        with closing(Database(one)) as source, closing(Database(other)) as target:
            with source.transaction() as tx:
                insert_contacts(tx, given_)
            file = b"".join(part for part, _ in export(source, Search(), format))
            opened = Source(io.BytesIO(file), declared=format)
            with (
                Intake(opened, Options(), "possible") as intake,
                closing(intake.importer(target, dry_run=False)) as importer,
            ):
                intake.run(target, importer)
            assert importer.report.errors == []
            assert importer.report.created == len(given_)
            again = contacts(target)
            assert [_state(each, format) for each in again] == [
                _state(each, format) for each in given_
            ]
            assert store_faults(other) == []


def _state(contact: Contact, format: str) -> str:
    """Return what an import must restore, with types of values: 1 for 1.0 in a sheet."""
    fields = sorted(contact.custom_fields.items())
    if format == "xlsx":
        fields = [(key, _as_in_sheet(value)) for key, value in fields]
    return f"{contact.documented_view()} {fields!r}"


def _as_in_sheet(value: FieldValue) -> FieldValue:
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER
    return int(value) if is_whole else value


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_export_has_the_contacts_of_all_pages(filled_db: Database, format: str) -> None:
    """For more contacts than a page has, listed by a tag or found by a search."""
    for query in ({}, {"tag": ["VIP"]}, {"custom_fields[n][gte]": "100"}, {"q": "pri"}):
        search, _ = ListQuerySchema().load(query)
        parts = list(export(filled_db, search, format))
        expected = 900 if "custom_fields[n][gte]" in query else 1_000
        assert sum(count for _, count in parts) == expected
        text = b"".join(part for part, _ in parts)
        assert text.count(b"\n") == sum(count for _, count in parts) + (format == "csv")
        assert all(count <= PAGE for _, count in parts)
