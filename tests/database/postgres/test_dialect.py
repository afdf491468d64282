"""The translation of SQL to PostgreSQL, and values of custom fields as sortable text."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database.postgres.dialect import postgres_sql
from app.database.postgres.store import Database
from app.database.postgres.values import MOST, SortableText

NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT :a, ':b', '%', x % :c", "SELECT %(a)s, ':b', '%%', x %% %(c)s"),
        ("VALUES (?, '?')", "VALUES (%s, '?')"),
        ("SELECT id FROM t INDEXED BY t_by_x ORDER BY x", "SELECT id FROM t  ORDER BY x"),
        ("SELECT 1 LIMIT -1", "SELECT 1 LIMIT ALL"),
        ("SELECT value FROM json_each(:x)", "SELECT value FROM json_each(%(x)s::text)"),
        (
            "SELECT id FROM t WHERE x IN (SELECT value FROM json_each(:x)) ORDER BY id",
            "SELECT id FROM t WHERE x = ANY (ARRAY(SELECT value FROM json_each(%(x)s::text))) "
            "ORDER BY id",
        ),
        (
            "EXISTS (SELECT 1 FROM t WHERE contact_id = contacts.id )",
            "EXISTS (SELECT 1 FROM t WHERE contact_id = contacts.id OFFSET 0 )",
        ),
        ("SELECT now()::text", "SELECT now()::text"),
    ],
)
def test_translates_sql(sql: str, expected: str) -> None:
    assert postgres_sql(sql) == expected


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_numbers_sort_as_their_sortable_text(one: float, other: float) -> None:
    values = SortableText()
    keys = values.in_json(one), values.in_json(other)
    assert (keys[0] < keys[1]) == (float(one) < float(other))
    assert (keys[0] == keys[1]) == (float(one) == float(other))


@settings(deadline=None)
@given(st.text(min_size=MOST - 2, max_size=MOST + 2), st.text(max_size=MOST + 2))
def test_bounds_include_every_matching_value(one: str, other: str) -> None:
    values = SortableText()
    for operator, holds in ((">", one > other), ("<=", one <= other), ("<", one < other)):
        found, bound = values.bound(operator, other)
        stored = values.in_index(one)
        assert isinstance(stored, str) and isinstance(bound, str)
        in_range = {
            *({">", ">="} if stored > bound else {"<", "<="}),
            *({">=", "<="} if stored == bound else ()),
        }
        assert not holds or stored == bound or found in in_range


def test_the_database_makes_the_same_sortable_text(db: Database) -> None:
    values = SortableText()
    given_values = {"a": "x", "b": 1, "c": -1.5, "d": True, "e": False, "f": 0, "g": 1e300}
    rows = db.connection().execute(
        "SELECT key, value, type FROM json_each(:given) ORDER BY key",
        {"given": json.dumps(given_values)},
    )
    assert {key: value for key, value, _ in rows} == {
        key: values.in_json(value) for key, value in given_values.items()
    }
    assert [type for *_, type in rows] == ["text", "real", "real", "true", "false", "real", "real"]
