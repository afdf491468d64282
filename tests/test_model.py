"""The service responds to random sequences of requests as a model in plain Python does.

`MODEL_EXAMPLES=2000 pytest -m soak tests/test_model.py` runs more, other ones each time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from werkzeug.test import TestResponse

from app.search import planner
from tests.model import inputs
from tests.model.inputs import ids
from tests.model.reads import Entry, Query, View, actual_value, line
from tests.model.service import PATH, Service, assert_same
from tests.postgres import PostgresServer

INCLUDED = {"include": "custom_fields,updated_at"}
# How a search runs, by MAX_CANDIDATES and SCAN_BUDGET.
WAYS = {
    "sort all": (10_000, 250_000),
    "sort few": (1, 250_000),
    "scan": (-1, 250_000),
    "short scans": (-1, 3),
}
EXAMPLES = os.environ.get("MODEL_EXAMPLES")
limits = st.sampled_from([1, 2, 3, 100])


@contextmanager
def searching_by(way: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, "MAX_CANDIDATES", WAYS[way][0])
        patch.setattr(planner, "SCAN_BUDGET", WAYS[way][1])
        yield


@dataclass(eq=False)
class Paging:
    """A client that follows cursors while others write."""

    query: Query
    limit: int
    steady: dict[Entry, Any]  # Listed since it began, with an unchanged sort key.
    old: set[Entry]  # Listed since it began, in any place.
    cursor: str | None = "start"
    seen: dict[Entry, Any] = field(default_factory=dict)


class Sequence(Service):
    """Reads of all kinds between the writes."""

    def __init__(self) -> None:
        super().__init__()
        self.pagings: list[Paging] = []

    def finish(self) -> None:
        for paging in self.pagings:
            while paging.cursor is not None:
                self.read_page(paging, "scan")

    @rule(id=ids)
    def get(self, id: str) -> None:
        answer = self.client.get(f"{PATH}/{quote(id)}")
        if not (entry := self.model.known(id)):
            assert answer.status_code == 404
            return
        assert_same(answer.json["contact"], entry.view)
        self.check_etag(answer, entry.view)
        headers = {"If-None-Match": answer.headers["ETag"]}
        assert self.client.get(f"{PATH}/{quote(id)}", headers=headers).status_code == 304
        known = set(self.etags.values()) - {answer.headers["ETag"]}
        headers = {"If-None-Match": ", ".join(sorted(known)[:3]) or '"none"'}
        assert self.client.get(f"{PATH}/{quote(id)}", headers=headers).status_code == 200

    @invariant()
    def lists_all(self) -> None:
        answer = self.ask(Query(), limit=100, offset=0)
        listed = [entry.view for entry in self.model.select(Query())]
        assert_same(answer.json["contacts"], listed)
        assert answer.json["pagination"] == {"total": len(listed), "limit": 100, "offset": 0}

    @rule()
    def counts_tags(self) -> None:
        for tag in inputs.TAGS:
            query = Query((("tag", tag),))
            total = self.ask(query, limit=1).json["pagination"]["total"]
            assert total == len(self.model.select(query))

    @rule(
        queries=st.lists(inputs.queries, min_size=1, max_size=6),
        limit=limits,
        offset=st.integers(0, 4),
    )
    def lists(self, queries: list[Query], limit: int, offset: int) -> None:
        for query in queries:
            for way in WAYS:
                self.compare_list(query, way, limit, offset)
                self.compare_list(query, way, 100, 0)

    def compare_list(self, query: Query, way: str, limit: int, offset: int) -> None:
        expected = self.model.select(query)
        with searching_by(way):
            answer = self.ask(query, limit=limit, offset=offset)
        if self.model.refuses_query(query):
            return
        if way == "short scans" and answer.status_code == 422:
            assert list(answer.json["error"]["details"]) == ["cursor"]
            assert len(self.model.entries) >= WAYS[way][1]
            return
        page = [entry.view for entry in expected[offset : offset + limit]]
        assert_same(answer.json["contacts"], page)
        pagination = answer.json["pagination"]
        if way != "sort all" and pagination.pop("total_is_estimate", False):
            assert pagination["total"] is None
            pagination["total"] = len(expected)
        assert pagination == {"total": len(expected), "limit": limit, "offset": offset}

    @rule(query=inputs.queries, limit=limits)
    def pages(self, query: Query, limit: int) -> None:
        """Cursors list the same contacts as offsets."""
        if self.model.refuses_query(query):
            return
        expected = self.model.select(query)
        for way in WAYS:
            found: list[View] = []
            cursor: str | None = "start"
            while cursor is not None:
                with searching_by(way):
                    answer = self.ask(query, limit=limit, cursor=cursor)
                found += answer.json["contacts"]
                cursor = answer.json["pagination"]["next_cursor"]
                assert (
                    way == "short scans" or cursor is None or len(answer.json["contacts"]) == limit
                )
                assert way != "sort all" or answer.json["pagination"]["total"] == len(expected)
            assert_same(found, [entry.view for entry in expected])

    @rule(id=ids, trees=st.lists(inputs.filters, min_size=1, max_size=4))
    def matches(self, id: str, trees: list[dict[str, Any]]) -> None:
        for tree in trees:
            for phone in self.model.entries:
                self.compare_match(phone, tree)
        if not self.model.known(id):
            path = f"{PATH}/{quote(id)}/match"
            assert self.client.post(path, json={"filter": trees[0]}).status_code == 404

    def compare_match(self, id: str, tree: dict[str, Any]) -> None:
        entry = self.model.get(id)
        response = self.client.post(f"{PATH}/{quote(id)}/match", json={"filter": tree})
        assert response.status_code == (422 if self.model.refuses(tree) else 200)
        if response.status_code == 422:
            return
        answer = response.json
        assert answer["matches"] is self.model.holds(tree, entry)
        because = [
            {
                **leaf,
                "field": ".".join(map(line, leaf["field"].split(".", 1))),
                "actual": actual_value(leaf["field"], entry),
                "matches": self.model.holds(leaf, entry),
            }
            for leaf in leaves(tree)
        ]
        for each in (*because, *answer["because"]):
            del each["value"]  # The service returns it normalised.
        assert_same(answer["because"], because)

    def ask(self, query: Query, **page: Any) -> TestResponse:
        if query.body is not None:
            body = {**query.body, **page, **INCLUDED}
            answer = self.client.post(f"{PATH}/search", json=body)
        else:
            asked = [*query.parameters, *page.items(), *INCLUDED.items()]
            answer = self.client.get(PATH, query_string=[(name, str(text)) for name, text in asked])
        if self.model.refuses_query(query):
            assert answer.status_code == 422
            assert all(
                name.startswith("custom_fields.") for name in answer.json["error"]["details"]
            )
        else:
            assert answer.status_code == 200 or "cursor" in answer.json["error"]["details"]
        return answer

    # Paging between writes

    @rule(query=inputs.queries, limit=limits)
    def begins_paging(self, query: Query, limit: int) -> None:
        listed = {entry: self.model.sort_key(query, entry) for entry in self.model.select(query)}
        self.pagings.append(Paging(query, limit, listed, set(self.model.entries.values())))

    @precondition(lambda self: any(paging.cursor is not None for paging in self.pagings))
    @rule(data=st.data(), way=st.sampled_from(list(WAYS)))
    def goes_on_paging(self, data: st.DataObject, way: str) -> None:
        going = [paging for paging in self.pagings if paging.cursor is not None]
        self.read_page(data.draw(st.sampled_from(going)), way)

    @invariant()
    def watches_pagings(self) -> None:
        for paging in self.pagings:
            listed = self.model.select(paging.query)
            paging.old &= set(listed)
            paging.steady = {
                entry: key
                for entry, key in paging.steady.items()
                if entry in listed and self.model.sort_key(paging.query, entry) == key
            }

    def read_page(self, paging: Paging, way: str) -> None:
        """Read a page. No row is repeated, and at the end none is missing.

        Sorted by `updated_at`, none is missing as its last change leaves it.
        """
        with searching_by(way):
            answer = self.ask(paging.query, limit=paging.limit, cursor=paging.cursor)
        if self.model.refuses_query(paging.query):
            paging.cursor = None  # Values of another type were added since it began.
            return
        page = [self.model.entries[each["phone"]] for each in answer.json["contacts"]]
        assert_same(answer.json["contacts"], [entry.view for entry in page])
        listed = self.model.select(paging.query)
        assert page == [entry for entry in listed if entry in page]
        for entry in page:
            key = self.model.sort_key(paging.query, entry)
            assert entry not in paging.seen or paging.seen[entry] != key
            paging.seen[entry] = key
        paging.cursor = answer.json["pagination"]["next_cursor"]
        if paging.cursor is None:
            assert paging.steady.keys() <= paging.seen.keys()
            if paging.query.sort == "updated_at":
                last_seen = {entry: paging.seen.get(entry) for entry in paging.old}
                assert last_seen == {entry: entry.changed_at for entry in paging.old}


def leaves(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "field" in tree:
        yield tree
    elif "not" in tree:
        yield from leaves(tree["not"])
    else:
        for part in tree.get("all") or tree["any"]:
            yield from leaves(part)


ALWAYS = settings(
    deadline=None,
    max_examples=6,
    stateful_step_count=40,
    derandomize=EXAMPLES is None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
TestSequence = Sequence.TestCase
TestSequence.settings = ALWAYS


class LongSequence(Sequence):
    """The same, through more examples."""


TestLongSequence = pytest.mark.soak(LongSequence.TestCase)
TestLongSequence.settings = settings(ALWAYS, max_examples=int(EXAMPLES or 60))


class PostgresSequence(Sequence):
    """The same on PostgreSQL."""


class LongPostgresSequence(PostgresSequence):
    """The same on PostgreSQL, through more examples."""


@pytest.fixture(scope="module")
def on_postgres(postgres: PostgresServer) -> None:
    PostgresSequence.server = postgres


TestPostgresSequence = pytest.mark.usefixtures("on_postgres")(PostgresSequence.TestCase)
TestPostgresSequence.settings = settings(ALWAYS, max_examples=2, stateful_step_count=25)

TestLongPostgresSequence = pytest.mark.usefixtures("on_postgres")(
    pytest.mark.soak(LongPostgresSequence.TestCase)
)
TestLongPostgresSequence.settings = settings(ALWAYS, max_examples=int(EXAMPLES or 30))
