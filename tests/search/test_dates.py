"""Dates in filters: by instant, relative to the clock, and comparisons that are rejected."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.contacts.model import Contact
from app.contacts.store import insert_contacts
from app.custom_fields.handlers import pin_custom_field
from app.database import Database
from app.search.dates import is_relative, moment
from app.search.filters import Filter, fields_of, has_relative_dates
from app.search.grammar import parse_tree, parse_words
from app.search.matching import has_form, matches
from app.search.paging import Search
from app.search.planner import search_contacts
from app.search.resolve import resolve

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
OLD = "2026-01-01T00:00:00Z"
ORDERED = ("gt", "gte", "lt", "lte")


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-31T12:00:00"),
        ("today", "2026-03-31T00:00:00"),
        ("-7d", "2026-03-24T12:00:00"),
        ("+12h", "2026-04-01T00:00:00"),
        (" 12h", "2026-04-01T00:00:00"),
        ("-90min", "2026-03-31T10:30:00"),
        ("+2w", "2026-04-14T12:00:00"),
        ("-1mo", "2026-02-28T12:00:00"),
        ("-3mo", "2025-12-31T12:00:00"),
        ("+11mo", "2027-02-28T12:00:00"),
        ("-1y", "2025-03-31T12:00:00"),
        ("-99999y", "0001-01-01T00:00:00"),
        ("+99999mo", "9999-12-31T23:59:59"),
        ("+99999w", "3942-10-06T12:00:00"),
    ],
)
def test_counts_from_the_clock(text: str, expected: str) -> None:
    found = moment(text, NOON + timedelta(microseconds=5))
    assert found.isoformat() == f"{expected}+00:00"
    assert is_relative(text)


@pytest.mark.parametrize(
    "text", ["", "Now", "7d", "-7", "-7m", "--7d", "-7d ", "-123456d", "-１d", 7]
)
def test_recognises_dates_that_are_not_relative(text: object) -> None:
    assert not is_relative(text)


def contact(client: FlaskClient, index: int, /, **fields: Any) -> None:
    body = {"phone": f"9188568791{index:02}", "custom_fields": fields}
    assert client.post("/v1/contacts", json=body).status_code == 201


def pin(client: FlaskClient, **types: str) -> None:
    for key, type_ in types.items():
        client.put(f"/v1/custom-fields/{key}", json={"type": type_})


def found(client: FlaskClient, query: str) -> list[int]:
    answer = client.get(f"/v1/contacts?{query}").json
    return [int(each["phone"][-2:]) for each in answer["contacts"]]


def refusal(client: FlaskClient, query: str) -> str:
    answer = client.get(f"/v1/contacts?{query}")
    assert answer.status_code == 422
    [[name, [reason]]] = answer.json["error"]["details"].items()
    return f"{name}: {reason}"


@pytest.fixture
def dated(client: FlaskClient) -> FlaskClient:
    pin(client, day="date", seen="datetime")
    contact(client, 0, day="2026-03-30", seen="2026-03-31T11:59:59.9Z")
    contact(client, 1, day="2026-03-31", seen="2026-03-31T14:00:00+02:00")
    contact(client, 2, day="2026-04-01", seen="2026-03-31T07:00:00.100-05:00")
    contact(client, 3)
    return client


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("custom_fields[day][lt]=today", [0]),
        ("custom_fields[day][lte]=now", [0, 1]),
        ("custom_fields[day]=today", [1]),
        ("custom_fields[day][in]=today,%2B1d", [1, 2]),
        ("custom_fields[day][ne]=today", [0, 2, 3]),
        ("custom_fields[day][gte]=-1d", [0, 1, 2]),
        ("custom_fields[day][gt]=2026-03-31T00:00:00Z", [2]),
        ("custom_fields[day][gte]=2026-03-31T00:00:01Z", [2]),
        ("custom_fields[day][eq]=2026-03-31T02:00:00%2B02:00", [1]),
        ("custom_fields[seen][lt]=now", [0]),
        ("custom_fields[seen][lte]=2026-03-31T14:00:00+0200", [0, 1]),
        ("custom_fields[seen]=2026-03-31T14:00:00%2B02:00", [1]),
        ("custom_fields[seen][gt]=2026-03-31T12:00:00Z", [2]),
        ("custom_fields[seen][gt]=2026-03-31T12:00:00.05Z", [2]),
        ("custom_fields[seen][lte]=2026-03-31T12:00:00.1Z", [0, 1, 2]),
        ("custom_fields[seen][lt]=2026-03-31", []),
        ("custom_fields[seen][gte]=today", [0, 1, 2]),
        ("custom_fields[seen][starts_with]=2026-03-31T11", [0]),
        ("created_since=today", [0, 1, 2, 3]),
        ("created_since=now&updated_before=+12h", [0, 1, 2, 3]),
        ("created_before=-7d", []),
    ],
)
def test_compares_by_instant(dated: FlaskClient, query: str, numbers: list[int]) -> None:
    assert found(dated, query) == numbers


def test_relative_dates_follow_the_clock(
    dated: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "custom_fields[day][lt]=today"
    assert found(dated, query) == [0]
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    assert found(dated, query) == [0, 1]


def test_match_and_search_agree_with_the_list(dated: FlaskClient) -> None:
    tree = {"field": "custom_fields.seen", "op": "gte", "value": "-1min"}
    answer = dated.post("/v1/contacts/918856879101/match", json={"filter": tree}).json
    actual = "2026-03-31T12:00:00Z"
    assert answer["because"] == [{**tree, "actual": actual, "matches": True}]
    assert len(dated.post("/v1/contacts/search", json={"filter": tree}).json["contacts"]) == 3
    exported = dated.get("/v1/contacts/export?format=jsonl&custom_fields[day][lt]=today")
    assert len(exported.text.splitlines()) == 1


def test_values_stored_before_the_pin_are_not_dates(client: FlaskClient) -> None:
    contact(client, 0, day="soon")
    contact(client, 1, day="31/03/2026")
    contact(client, 2, day="2026-03-31T12:00:00+05:00")
    contact(client, 3, day=20260331)
    for type_ in ("date", "datetime"):
        pin(client, day=type_)
        for op in ORDERED:
            assert found(client, f"custom_fields[day][{op}]=today") == []
        assert found(client, "custom_fields[day]=soon") == [0]
        assert found(client, "custom_fields[day][exists]=true") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("value", "query", "reason"),
    [
        (12, "[gt]=high", "holds numbers"),
        (12, "[gt]=-7d", '"type": "date", "convert": true'),
        ("12", "[gt]=7", '"type": "number", "convert": true'),
        ("2026-03-31", "[gt]=2026-01-01", '"type": "date"'),
        ("31/03/2026", "[lt]=2026-01-01T00:00:00Z", '"type": "datetime"'),
        ("soon", "[lt]=now", "Relative dates need a field of dates"),
        (True, "[gt]=1", "booleans, which have no order"),
        (True, "[gt]=a", "booleans, which have no order"),
    ],
)
def test_rejects_an_order_that_the_stored_values_do_not_have(
    client: FlaskClient, value: object, query: str, reason: str
) -> None:
    contact(client, 0, f=value)
    message = refusal(client, f"custom_fields[f]{query}")
    assert message.startswith("custom_fields.f: ") and reason in message
    exported = client.get(f"/v1/contacts/export?custom_fields[f]{query}")
    assert exported.status_code == 422


@pytest.mark.parametrize(
    ("type_", "query", "reason"),
    [
        ("number", "[gt]=high", "holds numbers"),
        ("string", "[gt]=7", "holds text"),
        ("boolean", "[gt]=true", "booleans"),
        ("date", "[gt]=7", "A field of dates"),
        ("date", "[gt]=soon", "-7d"),
        ("datetime", "[lt]=31/03/2026", "A field of dates"),
        ("number", "[lt]=today", "Relative dates"),
        ("string", "[lt]=today", "Relative dates"),
    ],
)
def test_rejects_an_order_that_the_pinned_type_does_not_have(
    client: FlaskClient, type_: str, query: str, reason: str
) -> None:
    pin(client, f=type_)
    assert reason in refusal(client, f"custom_fields[f]{query}")


def test_allows_an_order_that_some_stored_values_have(client: FlaskClient) -> None:
    contact(client, 0, mixed=12, text="b", number=5)
    contact(client, 1, mixed="m", text="a", number=-1)
    pin(client, plain="string")
    for query, numbers in {
        "mixed][gt]=1": [0],
        "mixed][gt]=a": [1],
        "text][gte]=b": [0],
        "number][lt]=0": [1],
        "unknown][gt]=1": [],
        "unknown][gt]=a": [],
        "plain][gt]=2026-01-01": [],
    }.items():
        assert found(client, f"custom_fields[{query}") == numbers


def test_a_number_in_text_is_converted_to_a_pinned_number(client: FlaskClient) -> None:
    pin(client, score="number")
    contact(client, 0, score="12")
    body = {"filter": {"field": "custom_fields.score", "op": "gt", "value": "7"}}
    assert len(client.post("/v1/contacts/search", json=body).json["contacts"]) == 1


@pytest.mark.one_engine
@pytest.mark.parametrize("name", ["created_since", "updated_before"])
@pytest.mark.parametrize("value", ["yesterday", "-7", "2026-03-31", "7d"])
def test_rejects_other_forms_of_instants(client: FlaskClient, name: str, value: str) -> None:
    assert "now, today, -7d" in refusal(client, f"{name}={value}")


def test_names_the_fields_of_a_filter() -> None:
    tree = {
        "all": [
            {"field": "tag", "op": "eq", "value": "VIP"},
            {"not": {"field": "custom_fields.plan", "op": "exists", "value": True}},
            {"any": [{"field": "updated_at", "op": "lt", "value": "-7d"}]},
        ]
    }
    assert fields_of(parse_tree(tree)) == {"tags", "custom_fields.plan", "updated_at"}
    assert fields_of(parse_words("priya")) == {"first_name", "last_name", "email", "phone"}
    assert has_relative_dates(parse_tree(tree))
    assert not has_relative_dates(parse_tree(tree["all"][0]))
    text = {"field": "custom_fields.day", "op": "in", "value": ["x", "today"]}
    assert has_relative_dates(parse_tree(text))


# SQL and Python compare instants of any form as plain arithmetic does.

_canonical = st.builds(
    lambda second, fraction: f"2026-03-31T11:59:{second:02}{fraction}Z",
    st.integers(57, 59),
    st.sampled_from(["", ".1", ".05", ".999999999", ".9"]),
)
_days = st.sampled_from(["2026-03-30", "2026-03-31", "2026-04-01"])
_operands = st.one_of(
    _canonical,
    _canonical.map(lambda text: text.replace("T11", "T13").replace("Z", "+02:00")),
    _days,
    st.sampled_from(["now", "today", "-1min", "+1d", "2026-03-30T23:00:00-01:00", "-2min"]),
)


def instant_of(text: str) -> tuple[datetime, str]:
    """Return a time in whole seconds and the digits of its fraction, which compare as a pair."""
    if len(text) == 10:
        return datetime.fromisoformat(f"{text}T00:00:00+00:00"), ""
    fraction = re.search(r"\.([0-9]+)", text)
    whole = re.sub(r"\.[0-9]+", "", text)
    return datetime.fromisoformat(whole).astimezone(UTC), fraction[1].rstrip(
        "0"
    ) if fraction else ""


@pytest.fixture(scope="module")
def every_value(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, list[Any]]]:
    from app.database.sqlite.store import Database as Store
    from app.serving.startup import prepare
    from app.settings import load

    settings = load({}, data=tmp_path_factory.mktemp("dates") / "data")
    prepare(settings)
    values = [
        *(f"2026-03-31T11:59:{s}{f}Z" for s in (57, 58, 59) for f in ("", ".05", ".1", ".9")),
        *("2026-03-31T11:59:59.999999999Z", "2026-03-31T12:00:00Z", "2026-03-31T00:00:00Z"),
        *("2026-03-30", "2026-03-31", "2026-04-01", "2026-03-30T00:00:00Z", "2026-04-01T00:00:00Z"),
        *("soon", "2026", "2026-03-31T12:00:00+02:00", "9999-99-99T", "ZZ", 7, True, "3026-1-1"),
    ]
    db = Store(settings.database)
    with db.transaction() as tx:
        insert_contacts(
            tx,
            [
                Contact(f"9188568791{n:02}", OLD, OLD, custom_fields={"date": v, "datetime": v})
                for n, v in enumerate(values)
            ],
        )
    for type_ in ("date", "datetime"):
        pin_custom_field(db, type_, label=None, required_type=type_)
    yield db, values
    db.close()


@given(type_=st.sampled_from(["date", "datetime"]), op=st.sampled_from(ORDERED), text=_operands)
def test_sql_and_python_compare_instants(
    every_value: tuple[Database, list[Any]], type_: str, op: str, text: str
) -> None:
    db, values = every_value
    node: Filter = parse_tree({"field": f"custom_fields.{type_}", "op": op, "value": text})
    absolute = text
    if is_relative(text):
        absolute = f"{moment(text, NOON):%Y-%m-%dT%H:%M:%SZ}"[: 10 if type_ == "date" else None]
    bound = instant_of(absolute)
    compare = {"gt": "__gt__", "gte": "__ge__", "lt": "__lt__", "lte": "__le__"}[op]
    expected = [
        n
        for n, value in enumerate(values)
        if isinstance(value, str)
        and has_form(value, type_)
        and getattr(instant_of(value), compare)(bound)
    ]
    with pytest.MonkeyPatch.context() as patch, db.snapshot() as snapshot:
        patch.setattr(clock, "now", lambda: NOON)
        resolved = resolve(snapshot, node)
        contacts = [Contact("1", OLD, OLD, custom_fields={type_: value}) for value in values]
        in_python = [n for n, each in enumerate(contacts) if matches(each, resolved)]
        page = search_contacts(snapshot, Search(node, limit=100))
    in_sql = [int(view[view.index('"phone":"') + 19 :][:2]) for view in page.contacts]
    assert in_sql == in_python == expected
