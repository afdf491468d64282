"""Statements read no more rows of large tables than a page or a batch has.

Every request of the API's examples is sent to a store of `CONTACTS` contacts, and each statement is
explained with the rows that it read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from flask import Flask

from app.contacts.model import Contact
from app.custom_fields.handlers import pin_custom_field
from app.database.interface import Parameters, Row
from app.database.postgres import store
from app.database.postgres.connection import Connection
from app.database.postgres.dialect import postgres_sql
from app.database.postgres.store import Database
from app.search import planner
from app.search.planner import search_contacts
from app.search.schemas import ListQuerySchema, SearchSchema
from app.search.store import list_contacts
from app.segments.handlers import set_segment
from app.web.service import service_of
from tests.api_docs import exchanges
from tests.api_docs.exchanges import stop_clocks
from tests.database.postgres.explain import plan_of
from tests.postgres_filling import Filling
from tests.search.test_search_plans import SEARCHES, SORTS, TREES

CONTACTS = 2_500
FILES = ("full", "lost", "damaged")
# A page or a batch has fewer; the most common tag has more.
MOST = 1_000
EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Read:
    rows: int
    node: str
    index: str | None
    sql: str


class Examining(Connection):
    """Runs each statement twice: first explained, in a transaction that is rolled back."""

    reads: list[Read] = []  # noqa: RUF012 - of all connections

    def change_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        for row in rows:
            self._examine(postgres_sql(sql), row)
        super().change_many(sql, rows)

    def _run(
        self, sql: str, parameters: Parameters | None, prepare: bool | None = None
    ) -> "psycopg.Cursor[Row]":
        if sql.lstrip().startswith(EXPLAINED) and "nextval" not in sql:
            self._examine(sql, parameters)
        return super()._run(sql, parameters, prepare)

    def _examine(self, sql: str, parameters: Parameters | None) -> None:
        try:
            with self._driver.transaction(force_rollback=True):
                plan = plan_of(self._driver, sql, parameters, "ANALYZE, TIMING OFF")
        except psycopg.Error:
            return  # The statement itself fails the same way.
        for node in nodes(plan):
            removed = sum(each for name, each in node.items() if name.startswith("Rows Removed"))
            rows = round((node["Actual Rows"] + removed) * node["Actual Loops"])
            self.reads.append(Read(rows, node["Node Type"], node.get("Index Name"), sql))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def contact(number: int) -> Contact:
    """Return a contact with the tags and fields of all others, and most of their words."""
    when = f"2026-{1 + number % 12:02}-02T08:00:00Z"
    name, other = f"Name{number % 7}", "Sharma"
    fields = {"x": "v", "n": number, "day": when[:10], "seen": when, "yes": number % 2 == 0}
    email = f"priya{number % 3}@example.com"
    tags = ("a", "b", "rare") if number % 250 == 0 else ("a", "b")
    return Contact(f"9177{number:07}", when, when, name, other, email, tags, fields)


@pytest.fixture
def db(app: Flask) -> Database:
    return service_of(app).db


@pytest.fixture
def reads(db: Database, monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    with psycopg.connect(db._url) as driver:
        filling = Filling(driver)
        filling.write(1, [contact(number) for number in range(CONTACTS)])
        filling.finish()
        driver.commit()
        driver.execute("ANALYZE")
    for key, kind in (("day", "date"), ("seen", "datetime")):
        pin_custom_field(db, key, label=None, required_type=kind)
    set_segment(db, "vip", '{"field": "tag", "op": "eq", "value": "a"}')
    for bound in ("SCAN_BUDGET", "MAX_CANDIDATES"):
        monkeypatch.setattr(planner, bound, MOST - 1)
    monkeypatch.setattr(store, "Connection", Examining)
    monkeypatch.setattr(Examining, "reads", [])
    db.close()
    return Examining.reads


def worst(reads: list[Read]) -> list[Read]:
    """Return the reads of more than a batch, the largest for each statement."""
    found: dict[str, Read] = {}
    for each in reads:
        if each.rows > max(MOST, found[each.sql].rows if each.sql in found else 0):
            found[each.sql] = each
    return list(found.values())


def test_requests_read_no_more_than_a_batch(
    reads: list[Read], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clocks(monkeypatch.setattr)
    possible = [each for each in exchanges.exchanges() if each["request"].get("store") not in FILES]
    monkeypatch.setattr(exchanges, "exchanges", lambda: possible)
    for exchange, response in exchanges.send_requests(app):
        assert response.status_code < 500, exchange["title"]
    assert len({each.sql for each in reads}) > 100
    assert worst(reads) == []


def test_searches_read_no_more_than_their_candidates(
    reads: list[Read], db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [ListQuerySchema().load(query)[0] for query, _ in SEARCHES.values()]
    for field, op, value, _ in TREES.values():
        tree = {"filter": {"field": field, "op": op, "value": value}}
        asked.append(SearchSchema().load(tree)[0])
    for sort in SORTS:
        for more in ({}, {"tag": ["a"]}, {"custom_fields[x]": "v"}):
            asked.append(ListQuerySchema().load({"sort": sort, **more})[0])
    for more in ({"tag": ["rare", "a"]}, {"segment": "vip"}, {"custom_fields[x]": "v"}):
        asked.append(ListQuerySchema().load({"tag": ["rare"], **more})[0])
    for most in (MOST - 1, -1):
        monkeypatch.setattr(planner, "MAX_CANDIDATES", most)
        for each in asked:
            search_contacts(db.connection(), each)
    for tag in (None, "a"):
        for offset in (0, CONTACTS - 20):
            list_contacts(db.connection(), tag=tag, limit=20, offset=offset, include=frozenset())
    assert len(reads) > 100
    assert worst(reads) == []
