"""The routes that list and search: filters, words, order, cursors, totals."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.database import Database
from app.database.interface import FieldValues
from app.search import paging, planner
from app.search.conditions import Parameters, condition_sql
from app.search.grammar import parse_tree
from app.settings import load
from app.web.service import service_of
from tests.conftest import FreshStore

PATH = "/v1/contacts"
PEOPLE = [
    {
        "phone": "918856879180",
        "first_name": "Priya",
        "last_name": "Sharma",
        "email": "priya@example.com",
        "tags": ["VIP", "Lead"],
        "custom_fields": {"score": 10, "plan": "pro", "ok": True},
    },
    {
        "phone": "918856879181",
        "first_name": "Łukasz",
        "tags": ["Lead"],
        "custom_fields": {"score": "10", "plan": "free"},
    },
    {
        "phone": "14155552672",
        "email": "Ann.Bee@x.org",
        "custom_fields": {"score": 12.5, "ok": False, 'a"b.c\\': "x%y"},
    },
    {"phone": "14155552673", "first_name": "José", "last_name": "Rao", "tags": ["VIP"]},
    {"phone": "442079460954", "first_name": "priya", "tags": ["VIP", "Lead", "new"]},
]


@pytest.fixture(scope="module")
def client_of_five(
    fresh_store: FreshStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    settings = load({"CONTACTS_RATE_LIMIT": "0"}, data=tmp_path_factory.mktemp("five") / "data")
    fresh_store.copy_to(settings.data)
    app = create_app(settings, prepared=True)
    with closing(service_of(app).db):
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {fresh_store.key}"
        for person in PEOPLE:
            assert client.post(PATH, json=person).status_code == 201
        yield client


@pytest.fixture(params=["candidates", "scan"])
def people(
    request: pytest.FixtureRequest, client_of_five: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> FlaskClient:
    """A client of five contacts, searched by candidates and by scan; all tests share the store."""
    if request.param == "scan":
        monkeypatch.setattr(planner, "MAX_CANDIDATES", -1)
    return client_of_five


def numbers(response: Any) -> list[int]:
    """Return which of the five contacts a response lists."""
    assert response.status_code == 200, response.json
    return [int(each["phone"][-1]) for each in response.json["contacts"]]


def ask(client: FlaskClient, *pairs: tuple[str, str]) -> Any:
    return client.get(f"{PATH}?{urlencode(pairs)}")


def find(client: FlaskClient, filter: Any, **more: Any) -> Any:
    return client.post(f"{PATH}/search", json={"filter": filter, **more})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=VIP&tag=Lead", [0, 4]),
        ("tag=VIP&tag=Lead&tag=new", [4]),
        ("tag=VIP&tag=none", []),
        ("tag=VIP&tag=VIP", [0, 3, 4]),
        ("email=priya@example.com", [0]),
        ("email=Priya@example.com", []),
        ("phone=%2B91+88568+79181", [1]),
        ("phone=919999999999", []),
        ("q=pri", [0, 4]),
        ("q=PRIYA", [0, 4]),
        ("q=priya+sh", [0]),
        ("q=sharma+pri", [0]),
        ("q=riya", []),
        ("q=lukasz", [1]),
        ("q=jose", [3]),
        ("q=jos%C3%A9", [3]),
        ("q=bee", [2]),
        ("q=x.org", [2]),
        ("q=9188", [0, 1]),
        ("q=%2B1+(415)+555", [2, 3]),
        ("q=415", []),
        ("q=pri+44", [4]),
        ("q=%25", []),
        ("q=_riya", []),
        ("q=%22pri%22", [0, 4]),
        ("q=pri*", [0, 4]),
        ("q=pri+OR+jose", []),
        ("custom_fields[score]=10", [0, 1]),
        ("custom_fields[score][eq]=10.0", [0]),
        ("custom_fields[score][ne]=10", [2, 3, 4]),
        ("custom_fields[score][gt]=10", [2]),
        ("custom_fields[score][gte]=10", [0, 2]),
        ("custom_fields[score][lt]=11", [0]),
        ("custom_fields[score][lte]=x", [1]),
        ("custom_fields[plan][gt]=free", [0]),
        ("custom_fields[plan][contains]=r", [0, 1]),
        ("custom_fields[plan][starts_with]=p", [0]),
        ("custom_fields[plan][exists]=true", [0, 1]),
        ("custom_fields[plan][exists]=false", [2, 3, 4]),
        ("custom_fields[plan][in]=pro,team,free", [0, 1]),
        ("custom_fields[score][in]=10,12.5", [0, 1, 2]),
        ("custom_fields[ok]=true", [0]),
        ("custom_fields[ok][ne]=true", [1, 2, 3, 4]),
        ("custom_fields[score][gte]=1&custom_fields[score][lt]=12", [0]),
        ("custom_fields[a%22b.c%5C]=x%25y", [2]),
        ("custom_fields[a%22b.c%5C][contains]=%25", [2]),
        ("custom_fields[none]=1", []),
        ("created_since=2020-01-01T00:00:00Z", [0, 1, 2, 3, 4]),
        ("created_before=2020-01-01T00:00:00Z", []),
        ("updated_since=2999-01-01T00:00:00Z", []),
        ("updated_before=2999-01-01T00:00:00Z&tag=new", [4]),
        ("sort=first_name", [3, 1, 0, 4, 2]),
        ("sort=-first_name", [4, 0, 1, 3, 2]),
        ("sort=last_name", [3, 0, 1, 2, 4]),
        ("sort=-last_name", [0, 3, 4, 2, 1]),
        ("sort=email", [2, 0, 1, 3, 4]),
        ("sort=phone", [2, 3, 4, 0, 1]),
        ("sort=-phone", [1, 0, 4, 3, 2]),
        ("sort=first_name&tag=VIP", [3, 0, 4]),
        ("sort=-phone&q=9", [1, 0]),
        ("sort=last_name&limit=2&offset=1", [0, 1]),
        ("q=pri&limit=1&offset=1", [4]),
        ("q=pri&offset=7", []),
    ],
)
def test_lists_the_contacts_that_match(
    people: FlaskClient, query: str, expected: list[int]
) -> None:
    assert numbers(people.get(f"{PATH}?{query}")) == expected


VIP = {"field": "tag", "op": "eq", "value": "VIP"}


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (VIP, [0, 3, 4]),
        ({"not": VIP}, [1, 2]),
        ({"field": "tag", "op": "ne", "value": "VIP"}, [1, 2]),
        ({"field": "tag", "op": "in", "value": ["new", "Lead"]}, [0, 1, 4]),
        ({"field": "tag", "op": "exists", "value": False}, [2]),
        ({"all": [VIP, {"field": "last_name", "op": "exists", "value": True}]}, [0, 3]),
        ({"any": [VIP, {"field": "email", "op": "exists", "value": True}]}, [0, 2, 3, 4]),
        (
            {"any": [VIP, {"not": {"field": "phone", "op": "starts_with", "value": "1"}}]},
            [0, 1, 3, 4],
        ),
        ({"field": "custom_fields.score", "op": "eq", "value": 10}, [0]),
        ({"field": "custom_fields.score", "op": "eq", "value": 10.0}, [0]),
        ({"field": "custom_fields.score", "op": "eq", "value": "10"}, [1]),
        ({"field": "custom_fields.ok", "op": "eq", "value": True}, [0]),
        ({"field": "custom_fields.ok", "op": "eq", "value": 1}, []),
        ({"field": "custom_fields.ok", "op": "in", "value": [False, 10]}, [2]),
        ({"field": "custom_fields.score", "op": "gt", "value": "1"}, [1]),
        ({"field": "first_name", "op": "eq", "value": "Priya"}, [0]),
        ({"field": "first_name", "op": "ne", "value": "Priya"}, [1, 2, 3, 4]),
        ({"field": "first_name", "op": "in", "value": ["priya", "José"]}, [3, 4]),
        ({"field": "first_name", "op": "starts_with", "value": "PRI"}, [0, 4]),
        ({"field": "first_name", "op": "contains", "value": "OS"}, [3]),
        ({"field": "first_name", "op": "gte", "value": "lu"}, [0, 1, 4]),
        ({"field": "first_name", "op": "lt", "value": "Lukasz"}, [3]),
        ({"field": "email", "op": "contains", "value": "@X."}, [2]),
        ({"field": "id", "op": "eq", "value": "cnt_918856879180"}, [0]),
        ({"field": "id", "op": "in", "value": ["14155552673", "cnt_1"]}, [3]),
        ({"field": "phone", "op": "starts_with", "value": "+1 415"}, [2, 3]),
        ({"field": "created_at", "op": "gt", "value": "2999-01-01T00:00:00Z"}, []),
        ({"field": "created_at", "op": "ne", "value": "2999-01-01T00:00:00Z"}, [0, 1, 2, 3, 4]),
    ],
)
def test_a_search_and_a_match_agree(people: FlaskClient, filter: Any, expected: list[int]) -> None:
    assert numbers(find(people, filter)) == expected
    answers = [
        people.post(f"{PATH}/{each['phone']}/match", json={"filter": filter}).json
        for each in PEOPLE
    ]
    assert [n for n, answer in enumerate(answers) if answer["matches"]] == expected
    assert {answer["success"] for answer in answers} == {True}


def test_a_search_accepts_the_parameters_of_a_list(people: FlaskClient) -> None:
    answer = find(people, VIP, q="pri", sort="-phone", limit=1, offset=0, include=["updated_at"])
    assert numbers(answer) == [0]
    assert list(answer.json["contacts"][0])[-2:] == ["created_at", "updated_at"]
    assert answer.json["pagination"] == {"total": 2, "limit": 1, "offset": 0} or (
        answer.json["pagination"]["total"] is None
    )
    assert numbers(people.post(f"{PATH}/search", json={})) == [0, 1, 2, 3, 4]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": None}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 0, "cursor": ""}, "offset"),
        ({"cursor": None}, "cursor"),
        ({"cursor": 1}, "cursor"),
        ({"sort": 1}, "sort"),
        ({"sort": "id"}, "sort"),
        ({"include": ["tags"]}, "include"),
        ({"include": [["x"]]}, "include"),
        ({"include": {}}, "include"),
        ({"q": 1}, "q"),
        ({"filter": None}, "filter"),
        ({"filtre": VIP}, "filtre"),
        ({"tag": "VIP"}, "tag"),
    ],
)
def test_rejects_invalid_searches(client: FlaskClient, body: Any, field: str) -> None:
    answer = client.post(f"{PATH}/search", json=body)
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=", "q"),
        ("q=a&q=b", "q"),
        ("email=", "email"),
        ("phone=123", "phone"),
        ("tag=", "tag"),
        ("created_since=yesterday", "created_since"),
        ("sort=", "sort"),
        ("sort=--phone", "sort"),
        ("cursor=x", "cursor"),
        ("cursor=start&offset=0", "offset"),
        ("cursor=", "cursor"),
        ("custom_fields[a]=1&custom_fields[a]=1", "custom_fields[a]"),
        ("custom_fields[a][gt]=1&custom_fields[a][gt]=1", "custom_fields[a][gt]"),
        ("custom_fields[a][like]=1", "custom_fields[a][like]"),
        ("custom_fields[]=1", "custom_fields[]"),
        ("custom_fields[a", "custom_fields[a"),
        ("custom_fields=1", "custom_fields"),
        ("filter=1", "filter"),
        ("&".join(f"tag={n}" for n in range(21)), "tag"),
        ("&".join(f"custom_fields[{n}]=x" for n in range(51)), "custom_fields"),
    ],
)
def test_rejects_invalid_queries(client: FlaskClient, query: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert list(answer.json["error"]["details"]) == [field]


def pages(client: FlaskClient, *pairs: tuple[str, str]) -> Iterator[Any]:
    cursor: str | None = "start"
    while cursor is not None:
        answer = ask(client, *pairs, ("cursor", cursor))
        assert answer.status_code == 200, answer.json
        yield answer
        cursor = answer.json["pagination"]["next_cursor"]


@pytest.mark.parametrize("limit", ["1", "2", "5", "100"])
@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("tag", "VIP"),),
        (("tag", "VIP"), ("tag", "Lead")),
        (("q", "pri"),),
        (("q", "1"), ("sort", "first_name")),
        (("custom_fields[plan][exists]", "false"),),
        (("tag", "VIP"), ("sort", "-last_name")),
        *(
            (("sort", f"{way}{field}"),)
            for way in ("", "-")
            for field in ("created_at", "updated_at", "last_name", "first_name", "email", "phone")
        ),
    ],
)
def test_pages_by_cursor_equal_pages_by_offset(
    people: FlaskClient, pairs: tuple[tuple[str, str], ...], limit: str
) -> None:
    found = [n for page in pages(people, *pairs, ("limit", limit)) for n in numbers(page)]
    assert found == numbers(ask(people, *pairs, ("limit", "100")))


@pytest.mark.parametrize("way", ["", "-"])
def test_a_sort_of_many_candidates_equals_a_sort_of_few(
    client_of_five: FlaskClient, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    scans: list[object] = []
    real = planner.scan_in_order
    for filter in (
        [("tag", "VIP")],
        [("tag", "VIP"), ("tag", "Lead")],
        [("phone", "918856879181")],
    ):
        for field in paging.SORTS:
            pairs = (*filter, ("sort", way + field), ("limit", "1"))
            with monkeypatch.context() as patched:
                few = [page.json for page in pages(client_of_five, *pairs)]
                patched.setattr(planner, "COST_OF_CONTACT", 100)
                patched.setattr(planner, "scan_in_order", lambda *a: scans.append(a) or real(*a))
                assert [page.json for page in pages(client_of_five, *pairs)] == few
                first = ask(client_of_five, *pairs).json
            assert ask(client_of_five, *pairs).json == first
    assert scans


def test_a_cursor_page_has_total_limit_and_cursor(client: FlaskClient) -> None:
    client.post(PATH, json=PEOPLE[0])
    answer = client.get(f"{PATH}?cursor=start")
    assert answer.json["pagination"] == {"total": 1, "limit": 20, "next_cursor": None}


def test_rejects_a_cursor_of_another_query(people: FlaskClient) -> None:
    first = next(pages(people, ("sort", "phone"), ("limit", "1")))
    cursor = first.json["pagination"]["next_cursor"]
    assert numbers(ask(people, ("sort", "phone"), ("cursor", cursor), ("limit", "2"))) == [3, 4]
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for pairs in (
        (("sort", "-phone"), ("cursor", cursor)),
        (("sort", "phone"), ("tag", "VIP"), ("cursor", cursor)),
        (("cursor", cursor),),
        (("sort", "phone"), ("cursor", cursor[:-1])),
        (("sort", "phone"), ("cursor", cursor + "A")),
        (("sort", "phone"), ("cursor", cursor + "=")),
        (("sort", "phone"), ("cursor", flipped)),
        (("sort", "phone"), ("cursor", "\u00e9")),
    ):
        assert ask(people, *pairs).status_code == 422, pairs


@pytest.mark.parametrize("sort", ["", "sort=last_name", "sort=-created_at", "tag=old", "q=old"])
def test_cursor_paging_survives_writes(client: FlaskClient, sort: str) -> None:
    def add(number: int, **more: Any) -> None:
        body = {"phone": f"9188568{number:05}", "last_name": f"old {number % 7}", **more}
        assert client.post(PATH, json=body).status_code == 201

    for number in range(40):
        add(number, tags=["old"])
    seen: list[str] = []
    pairs = [tuple(sort.split("=", 1))] if sort else []
    for turn, page in enumerate(pages(client, *pairs, ("limit", "6"))):  # type: ignore[arg-type]
        seen += [each["phone"] for each in page.json["contacts"]]
        add(1000 + turn, last_name=f"new {turn}")
        client.delete(f"{PATH}/cnt_9188568{39 - turn:05}")
        client.delete(f"{PATH}/cnt_9188568{turn:05}")
        assert turn < 20
    old = [phone for phone in seen if phone < "918856801000"]
    kept = {f"9188568{number:05}" for number in range(10, 30)}
    assert len(seen) == len(set(seen))
    assert kept <= set(old)


def test_totals_are_exact_while_counting_is_cheap(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in PEOPLE:
        client.post(PATH, json=person)
    query = f"{PATH}?tag=VIP&tag=Lead&limit=1"
    assert client.get(query).json["pagination"] == {"total": 2, "limit": 1, "offset": 0}
    monkeypatch.setattr(planner, "MAX_CANDIDATES", 2)
    estimated = {"total": None, "total_is_estimate": True, "limit": 1}
    assert client.get(query).json["pagination"] == {**estimated, "offset": 0}
    assert client.get(f"{query}&offset=1").json["pagination"]["total"] == 2
    assert client.get(f"{PATH}?tag=VIP&sort=phone&limit=1").json["pagination"]["total"] == 3
    assert client.get(f"{PATH}?sort=phone&limit=1").json["pagination"]["total"] == 5


def test_a_scan_ends_within_its_budget(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        tags = ["odd" if number % 2 else "even", *(["both"] if number == 27 else [])]
        client.post(PATH, json={"phone": f"91885687{number:04}", "tags": tags})
    monkeypatch.setattr(planner, "MAX_CANDIDATES", 0)
    monkeypatch.setattr(planner, "SCAN_BUDGET", 4)
    filter = {"field": "custom_fields.x", "op": "exists", "value": False}
    both = {"all": [filter, {"field": "tag", "op": "in", "value": ["both"]}]}
    for sort in ({}, {"sort": "phone"}, {"sort": "-first_name"}):
        refused = client.post(f"{PATH}/search", json={"filter": both, **sort})
        assert refused.status_code == 422 or not sort
        if refused.status_code == 422:
            assert list(refused.json["error"]["details"]) == ["cursor"]
        found, cursor, turns = [], "start", 0
        while cursor is not None:
            body = {"filter": both, "cursor": cursor, **sort}
            answer = client.post(f"{PATH}/search", json=body).json
            found += [each["phone"] for each in answer["contacts"]]
            cursor = answer["pagination"]["next_cursor"]
            turns += 1
        assert found == ["918856870027"]
        assert turns <= 9


def test_many_conditions_end_a_scan_earlier() -> None:
    few, many = (parse_tree({"any": [VIP] * count}) for count in (planner.CHEAP_CONDITIONS, 50))
    assert planner._scan_budget(few, 10**9) == planner.SCAN_BUDGET
    assert planner._scan_budget(few, 20_000) == 20_000
    assert planner._scan_budget(many, 10**9) == planner.SCAN_BUDGET // 5


def test_finds_words_that_start_with_the_last_character(people: FlaskClient) -> None:
    last = "\U0010ffff"
    people.post(PATH, json={"phone": "918856879185", "first_name": last * 2})
    assert numbers(ask(people, ("q", last))) == [5]
    assert numbers(ask(people, ("custom_fields[plan][starts_with]", last))) == []
    filter = {"field": "first_name", "op": "starts_with", "value": last}
    assert numbers(find(people, filter)) == [5]
    assert people.delete(f"{PATH}/918856879185").status_code == 200


@pytest.mark.sqlite
@pytest.mark.parametrize("field", ["id", "phone", "first_name", "tag", "custom_fields.x"])
def test_a_contact_is_compared_once_with_many_values(db: Database, field: str) -> None:
    bind = Parameters(FieldValues())
    values = [f"9188568{number:05}" for number in range(100)]
    where = condition_sql(parse_tree({"not": {"field": field, "op": "in", "value": values}}), bind)
    plan = db.connection().execute(
        f"EXPLAIN QUERY PLAN SELECT id FROM contacts WHERE {where}", bind.values
    )
    assert sum("CORRELATED SCALAR" in step for *_, step in plan) <= 1


def test_match_explains_its_result(client: FlaskClient) -> None:
    client.post(PATH, json=PEOPLE[0])
    filter = {
        "all": [
            {"field": "custom_fields.score", "op": "gte", "value": 11},
            {"any": [VIP, {"field": "custom_fields.none", "op": "exists", "value": True}]},
            {"field": "phone", "op": "eq", "value": "+91 88568 79180"},
        ]
    }
    answer = client.post(f"{PATH}/cnt_918856879180/match", json={"filter": filter})
    assert answer.status_code == 200
    assert answer.json == {
        "success": True,
        "matches": False,
        "because": [
            {
                "field": "custom_fields.score",
                "op": "gte",
                "value": 11,
                "actual": 10,
                "matches": False,
            },
            {**VIP, "actual": ["VIP", "Lead"], "matches": True},
            {
                "field": "custom_fields.none",
                "op": "exists",
                "value": True,
                "actual": None,
                "matches": False,
            },
            {
                "field": "phone",
                "op": "eq",
                "value": "918856879180",
                "actual": "918856879180",
                "matches": True,
            },
        ],
    }


def test_match_needs_a_contact_and_a_filter(client: FlaskClient) -> None:
    body = {"filter": VIP}
    assert client.post(f"{PATH}/cnt_918856879180/match", json=body).status_code == 404
    client.post(PATH, json=PEOPLE[0])
    assert client.post(f"{PATH}/cnt_918856879180/match", json={}).status_code == 422
    assert client.post(f"{PATH}/cnt_918856879180/match?x=1", json=body).status_code == 422


def test_a_merged_phone_finds_the_survivor(client: FlaskClient) -> None:
    for person in PEOPLE[:2]:
        client.post(PATH, json=person)
    merge = client.post(f"{PATH}/918856879180/merge", json={"from": "cnt_918856879181"})
    assert merge.status_code == 200
    assert numbers(client.get(f"{PATH}?phone=918856879181")) == [0]
    filter = {"field": "id", "op": "eq", "value": "cnt_918856879181"}
    assert client.post(f"{PATH}/918856879181/match", json={"filter": filter}).json["matches"]


def test_words_are_updated_with_the_contact(client: FlaskClient) -> None:
    client.post(PATH, json=PEOPLE[0])
    client.patch(f"{PATH}/918856879180", json={"last_name": "Verma", "email": None})
    assert numbers(client.get(f"{PATH}?q=verma")) == [0]
    assert numbers(client.get(f"{PATH}?q=sharma")) == []
    assert numbers(client.get(f"{PATH}?q=example")) == []
    client.delete(f"{PATH}/918856879180")
    assert numbers(client.get(f"{PATH}?q=verma")) == []


@pytest.mark.parametrize("q", ["24/7", "24", "7 24", "2024.12", "+91 88568", "0091 88568-79180"])
def test_digits_find_names_and_phones(client: FlaskClient, q: str) -> None:
    body = {"phone": "918856879180", "last_name": "24/7", "email": "2024.12@x.org"}
    client.post(PATH, json=body)
    client.post(PATH, json=PEOPLE[2])
    assert numbers(ask(client, ("q", q))) == [0]
