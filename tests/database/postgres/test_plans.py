"""The plans of searches and lists on PostgreSQL use indexes, for sort orders too."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.contacts.handlers import upsert_contact
from app.contacts.model import Draft
from app.custom_fields.handlers import pin_custom_field
from app.database.interface import Parameters, Row
from app.database.postgres.connection import Connection
from app.database.postgres.dialect import postgres_sql
from app.database.postgres.store import Database
from app.search import planner
from app.search.schemas import ListQuerySchema, SearchSchema
from app.search.store import list_contacts
from app.segments.handlers import set_segment
from tests.database.postgres.explain import plan_of
from tests.search.test_search_plans import SEARCHES, SORTS, TREES

# Tables with few rows.
SMALL = {"counters", "tags", "custom_fields", "segments"}


class Explaining(Connection):
    """Explains each statement before it runs."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.nodes: list[tuple[dict[str, Any], str]] = []

    def execute(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        plan = plan_of(self._driver, postgres_sql(sql), parameters, "COSTS OFF")
        self.nodes += [(node, sql) for node in _nodes(plan)]
        return super().execute(sql, parameters)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


@pytest.fixture
def explaining(db: Database) -> Iterator[Explaining]:
    for key, kind in (("day", "date"), ("seen", "datetime")):
        pin_custom_field(db, key, label=None, required_type=kind)
    for number in range(20):
        fields = {"x": "v", "n": number}
        draft = Draft(f"9188568791{number:02}", "Priya", tags=("a", "b"), custom_fields=fields)
        upsert_contact(db, draft)
    set_segment(db, "vip", '{"field": "tag", "op": "eq", "value": "a"}')
    connection = Explaining(db._url)
    yield connection
    connection.close()


def assert_scans_only_small_tables(explaining: Explaining) -> None:
    assert explaining.nodes
    for node, sql in explaining.nodes:
        if node["Node Type"] == "Seq Scan":
            assert node["Relation Name"] in SMALL, (node, sql)


def test_filters_use_indexes(explaining: Explaining, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (planner.MAX_CANDIDATES, -1):
        monkeypatch.setattr(planner, "MAX_CANDIDATES", most)
        for query, _ in SEARCHES.values():
            planner.search_contacts(explaining, ListQuerySchema().load(query)[0])
        for field, op, value, _ in TREES.values():
            tree = {"filter": {"field": field, "op": op, "value": value}}
            planner.search_contacts(explaining, SearchSchema().load(tree)[0])
    assert_scans_only_small_tables(explaining)


@pytest.mark.parametrize("field", SORTS)
@pytest.mark.parametrize("way", ["", "-"])
@pytest.mark.parametrize("more", [{}, {"tag": ["a"]}])
def test_sorting_uses_an_index(
    explaining: Explaining,
    field: str,
    way: str,
    more: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planner, "MAX_CANDIDATES", -1)
    asked, _ = ListQuerySchema().load({"sort": way + field, "limit": "5", **more})
    page = planner.search_contacts(explaining, asked)
    assert len(page.contacts) == 5 and page.next
    planner.search_contacts(explaining, replace(asked, after=page.next))
    assert_scans_only_small_tables(explaining)
    # An incremental sort of phones, which are unique, has one row at a time.
    sorted_ = [sql for node, sql in explaining.nodes if node["Node Type"] == "Sort"]
    assert sorted_ == []


def test_lists_use_indexes(explaining: Explaining) -> None:
    for tag in (None, "a"):
        for offset in (0, 15):
            page = {"tag": tag, "limit": 5, "offset": offset, "include": frozenset[str]()}
            list_contacts(explaining, **page)  # type: ignore[arg-type]
    assert_scans_only_small_tables(explaining)
