"""Every search uses an index: what it reads does not grow with the store."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from app.contacts.alias_store import list_aliases
from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.contacts.store import find_stored
from app.custom_fields.handlers import pin_custom_field
from app.database.sqlite.store import Database
from app.search import planner
from app.search.conditions import KEY_COLUMNS
from app.search.paging import Position
from app.search.resolve import resolve
from app.search.schemas import ListQuerySchema, SearchSchema
from app.search.store import find_segments
from app.segments.handlers import set_segment
from tests.conftest import FreshStore
from tests.contacts.test_store import Recorder

SEARCHES = {
    "tag": ({"tag": ["a"]}, "contact_tags USING PRIMARY KEY (tag_id=?"),
    "two tags": ({"tag": ["a", "b"]}, "contact_tags USING PRIMARY KEY (tag_id=?"),
    "segment": ({"segment": "vip"}, "segment_members USING PRIMARY KEY (segment_id=?"),
    "q": ({"q": "pri"}, "contact_words USING PRIMARY KEY (word>? AND word<?)"),
    "q of digits": ({"q": "91"}, "contacts USING COVERING INDEX sqlite_autoindex_contacts_1"),
    "e-mail": ({"email": "a@x.org"}, "contacts_by_email (email_key=?"),
    "phone": ({"phone": "918856879188"}, "contacts USING INTEGER PRIMARY KEY (rowid=?)"),
    "created": ({"created_since": "2026-01-01T00:00:00Z"}, "contacts_by_created_at (created_at>?"),
    "updated": ({"updated_before": "2026-01-01T00:00:00Z"}, "contacts_by_updated_at (updated_at<?"),
    **{
        f"field {op}": (
            {f"custom_fields[{'n' if value == '1' else 'x'}][{op}]": value},
            f"custom_field_values USING PRIMARY KEY (field_id=?{rest}",
        )
        for op, value, rest in (
            ("eq", "v", " AND type=? AND value=?"),
            ("gt", "1", " AND type=? AND value>?"),
            ("lte", "b", " AND type=? AND value<?"),
            ("starts_with", "v", " AND type=? AND value>? AND value<?"),
            ("contains", "v", " AND type=?"),
            ("exists", "true", ""),
            ("in", "v,w", " AND type=? AND value=?"),
        )
    },
    **{
        f"date {op} {value}": (
            {f"custom_fields[{key}][{op}]": value},
            f"custom_field_values USING PRIMARY KEY (field_id=? AND type=? AND value{sign}?)",
        )
        for key, op, value, sign in (
            ("day", "lt", "today", "<"),
            ("day", "gte", "-7d", ">"),
            ("seen", "lte", "2026-06-02T08:00:00.5+02:00", "<"),
            ("seen", "gt", "2026-06-02", ">"),
        )
    },
}
TREES = {
    "name": ("first_name", "eq", "Priya", "contacts_by_first_name (first_name_key=?)"),
    "name range": ("last_name", "gt", "m", "contacts_by_last_name (last_name_key>?)"),
    "name prefix": ("first_name", "starts_with", "p", "(first_name_key>? AND first_name_key<?)"),
    "name exists": ("email", "exists", True, "contacts_by_email (email_key>?)"),
    "phone prefix": ("phone", "starts_with", "91", "sqlite_autoindex_contacts_1 (phone>?"),
    "tags": ("tag", "in", ["a", "b"], "contact_tags USING PRIMARY KEY (tag_id=?)"),
    "id": ("id", "in", ["cnt_918856879188"], "contacts USING INTEGER PRIMARY KEY (rowid=?)"),
}
SORTS = {
    "created_at": "contacts_by_created_at",
    "updated_at": "contacts_by_updated_at",
    "last_name": "contacts_by_last_name",
    "first_name": "contacts_by_first_name",
    "email": "contacts_by_email",
    "phone": "sqlite_autoindex_contacts_1",
}
# Of bounded size: a table made within the statement, one contact's JSON, one page.
BOUNDED = re.compile(
    r"SCAN ((json_each|\d+) (VIRTUAL TABLE|CONSTANT ROWS?)|CONSTANT ROW|matched|candidates|page"
    r"|scanned|one|found|scan|ordered|ranged|\(subquery-\d+\)|[0-9]+)"
)


@pytest.fixture(scope="module")
def store_of_twenty(fresh_store: FreshStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twenty") / "data"
    fresh_store.copy_to(folder)
    with closing(Database(folder / "contacts.db")) as db:
        pin_custom_field(db, "day", label=None, required_type="date")
        pin_custom_field(db, "seen", label=None, required_type="datetime")
        for number in range(20):
            upsert_contact(
                db,
                Draft(
                    f"9188568791{number:02}",
                    "Priya",
                    tags=("a", "b"),
                    custom_fields={
                        "x": "v",
                        "n": number,
                        "day": "2026-06-02",
                        "seen": "2026-06-02",
                    },
                ),
            )
        set_segment(db, "vip", '{"field": "tag", "op": "eq", "value": "a"}')
        return db.path


@pytest.fixture
def recorder(store_of_twenty: Path) -> Iterator[Recorder]:
    with closing(Recorder(store_of_twenty)) as recorder:
        yield recorder


def steps(recorder: Recorder) -> list[tuple[str, str]]:
    return [(step, sql) for sql, plan in recorder.plans.items() for step in plan]


def assert_scanned_in_order(plans: Mapping[str, list[str]]) -> None:
    """Fail if a step sorts, or scans a table other than by an index and with a limit."""
    for sql, plan in plans.items():
        for step in plan:
            assert "TEMP B-TREE" not in step, (step, sql)
            if step.startswith("SCAN") and not BOUNDED.match(step):
                assert "USING" in step and "LIMIT" in sql, (step, sql)


@pytest.mark.parametrize("name", [*SEARCHES, *TREES])
def test_reads_a_filter_by_its_index(
    recorder: Recorder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in SEARCHES:
        query, index = SEARCHES[name]
        asked, _ = ListQuerySchema().load(query)
    else:
        field, op, value, index = TREES[name]
        asked, _ = SearchSchema().load({"filter": {"field": field, "op": op, "value": value}})
    # As in a large store: in this one a scan of all contacts would be cheaper.
    monkeypatch.setattr(
        planner, "ALL_CONTACTS", planner.IndexSource("SELECT 1 AS contact_id", size="SELECT 9e9")
    )
    planner.search_contacts(recorder, asked)
    led = [step for step, sql in steps(recorder) if "WITH candidates" in sql or "AS scanned" in sql]
    assert any(index in step for step in led), led
    for step, sql in steps(recorder):
        if step.startswith("SCAN") and not BOUNDED.match(step):
            pytest.fail(f"{step} in {sql}")


@pytest.mark.parametrize("name", [*SEARCHES, *TREES])
def test_scans_in_order_if_there_are_too_many_candidates(
    recorder: Recorder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "MAX_CANDIDATES", -1)
    if name in SEARCHES:
        asked, _ = ListQuerySchema().load(SEARCHES[name][0])
    else:
        field, op, value, _ = TREES[name]
        asked, _ = SearchSchema().load({"filter": {"field": field, "op": op, "value": value}})
    planner.search_contacts(recorder, asked)
    assert_scanned_in_order(recorder.plans)


@pytest.mark.parametrize(
    "query",
    [
        {"tag": ["a", "b"]},
        {"tag": ["a"], "custom_fields[x]": "v"},
        {"segment": "vip", "tag": ["b"]},
        {"q": "pri"},
        {"custom_fields[n][gte]": "3"},
        {"custom_fields[x][starts_with]": "v"},
        {"created_since": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_reads_only_the_contacts_of_the_page_where_indexes_decide(
    recorder: Recorder, query: dict[str, object]
) -> None:
    asked, _ = ListQuerySchema().load(query)
    page = planner.search_contacts(recorder, asked)
    assert page.contacts
    [plan] = [plan for sql, plan in recorder.plans.items() if "WITH candidates" in sql]
    assert [step for step in plan if "contacts USING INTEGER PRIMARY KEY" in step] == [
        "SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"
    ]


def test_the_count_of_a_segment_is_stored(recorder: Recorder) -> None:
    asked, _ = ListQuerySchema().load({"segment": "vip"})
    assert planner.search_contacts(recorder, asked).total == 20
    counted = [(sql, plan) for sql, plan in recorder.plans.items() if "FROM segments" in sql]
    assert counted
    for sql, plan in counted:
        assert all("segments_1 (name=?)" in step or "segments" not in step for step in plan), sql
        assert not any(step.startswith("SCAN segment") for step in plan), sql


@pytest.mark.parametrize("field", SORTS)
@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("more", [{}, {"tag": ["a"]}, {"custom_fields[x][contains]": "v"}])
def test_reads_an_order_from_its_index(
    recorder: Recorder, field: str, way: str, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "MAX_CANDIDATES", -1)
    asked, _ = ListQuerySchema().load({"sort": way + field, "limit": "5", **more})
    page = planner.search_contacts(recorder, asked)
    assert page.next and len(page.contacts) == 5
    from_there = replace(asked, after=page.next)
    planner.search_contacts(recorder, from_there)
    if field in KEY_COLUMNS:
        among_nulls = replace(asked, after=Position(None, 3))
        planner.search_contacts(recorder, among_nulls)
    assert_scanned_in_order(recorder.plans)
    assert any(SORTS[field] in step for step, _ in steps(recorder))


def test_a_match_reads_one_contact(recorder: Recorder) -> None:
    stored = find_stored(recorder, "918856879101")
    assert stored and list_aliases(recorder, stored.id) == []
    assert find_segments(recorder, "918856879101", ["vip"]) == ["vip"]
    for field, op, value, _ in TREES.values():
        asked, _ = SearchSchema().load({"filter": {"field": field, "op": op, "value": value}})
        resolve(recorder, asked.filter)
    for query, _ in SEARCHES.values():
        asked, _ = ListQuerySchema().load(query)
        assert asked.filter
        resolve(recorder, asked.filter)
    for step, sql in steps(recorder):
        assert not step.startswith("SCAN") or "json_each" in step, (step, sql)
