"""Cells: typed values, tags and escaped formulas; parsing returns what was written."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contacts.model import MAX_INTEGER
from app.transfer import cells

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TRICKY = st.text(st.sampled_from("'\"=+-@\t\r\n;\\,\x00 1.eEtrufalsTRUE＝"), max_size=8)
VALUES = st.one_of(
    TEXTS,
    TRICKY,
    st.booleans(),
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers().map(str),
    st.floats().map(str),
)


def read(line: str) -> list[str]:
    [row] = csv.reader(io.StringIO(line, newline=""), strict=True)
    return row


@given(VALUES)
def test_keeps_the_type_of_a_value(value: object) -> None:
    [cell, _] = read(cells.record([cells.value(value), "x"]))  # type: ignore[arg-type]
    found = cells.parse_value(cell)
    assert (type(found), repr(found)) == (type(value), repr(value))


@given(TEXTS | TRICKY)
def test_texts_are_read_back_unchanged(text: str) -> None:
    [cell, _] = read(cells.record([cells.text(text), "x"]))
    assert cells.parse_text(cell) == text


@given(st.lists((TEXTS | TRICKY).filter(str.strip), max_size=5))
def test_tags_are_read_back_unchanged(tags: list[str]) -> None:
    [cell, _] = read(cells.record([cells.tags(tags), "x"]))
    assert cells.parse_tags(cell) == tags


@given(TEXTS | TRICKY)
def test_no_cell_is_a_formula(text: str) -> None:
    for cell in (cells.text(text), cells.value(text), cells.tags([text])):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("pro", "pro"),
        (10, "10"),
        (-5, "-5"),
        (2.5, "2.5"),
        (True, "true"),
        ("10", '"10"'),
        ("-5", '"-5"'),
        ("true", '"true"'),
        ("", '""'),
        ('"hi"', '"\\"hi\\""'),
        ("=cmd()", "'=cmd()"),
        ("'=cmd()", "''=cmd()"),
        ("'quoted'", "'quoted'"),
        ("+91 88568", "'+91 88568"),
        ("007", "007"),
        ("12345678901234567890", "12345678901234567890"),
        (None, ""),
    ],
)
def test_writes_values_as_documented(value: str | float | None, cell: str) -> None:
    assert cells.value(value) == cell
    assert cells.parse_value(cell) == value


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("VIP", ["VIP"]),
        ("VIP;Lead", ["VIP", "Lead"]),
        (";VIP; ;Lead;", ["VIP", "Lead"]),
        (r"a\;b;c\\;d", ["a;b", "c\\", "d"]),
        ("'=x;y", ["=x", "y"]),
        ("", []),
    ],
)
def test_reads_tags(cell: str, tags: list[str]) -> None:
    assert cells.parse_tags(cell) == tags


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("TRUE", "TRUE"),
        ("True", "True"),
        ("1.10", "1.10"),
        ("1.1", 1.1),
        ("1.0", 1.0),
        ("12E4", "12E4"),
        ("12e4", "12e4"),
        ("1e+16", 1e16),
        ("007", "007"),
        ("+5", "+5"),
        ("-0", "-0"),
        ('"not closed', '"not closed'),
        ('"a" and "b"', '"a" and "b"'),
        ("1e999", "1e999"),
        ("١٢", "١٢"),
        (" 5", " 5"),
    ],
)
def test_parses_values_of_other_programs(cell: str, value: object) -> None:
    found = cells.parse_value(cell)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("cell", "separator", "tags"),
    [
        ("VIP;Lead", None, ["VIP", "Lead"]),
        ("Customers ::: VIP ::: * myContacts", None, ["Customers", "VIP", "* myContacts"]),
        ("a ::: b;c", ":::", ["a", "b;c"]),
        ('"VIP","Spring 2024, Blog"', None, ["VIP", "Spring 2024, Blog"]),
        ('"VIP", "a ""b"""', ",", ["VIP", 'a "b"']),
        ("VIP, Lead", ",", ["VIP", "Lead"]),
        ("VIP, Lead", None, ["VIP, Lead"]),
        ('the "best", really', None, ['the "best", really']),
        (" ; ", None, []),
    ],
)
def test_splits_tag_lists_of_other_programs(
    cell: str, separator: str | None, tags: list[str]
) -> None:
    assert cells.split_tags(cell, separator) == tags


def test_quotes_cells_with_a_separator_of_any_spreadsheet() -> None:
    assert cells.record(["a;=1", "b\tc", 'd"e', "f,g", "h\ni", "j k"]) == (
        '"a;=1","b\tc","d""e","f,g","h\ni",j k\r\n'
    )


def test_a_deeply_nested_list_is_a_tag() -> None:
    cell = "[" * 100_000
    assert cells.split_tags(cell, None) == [cell]
