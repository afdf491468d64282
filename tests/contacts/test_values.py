"""Conversion of values to pinned types: what is lossless, and what is rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.contacts.model import FieldValue
from app.contacts.values import TYPES, NotConvertible, convert

CONVERTED: dict[str, list[tuple[FieldValue, FieldValue]]] = {
    "string": [
        (12, "12"),
        (1.5, "1.5"),
        (1.0, "1.0"),
        (True, "true"),
        (" a ", " a "),
        (1e23, "1e+23"),
    ],
    "number": [
        *((12, 12), (1.5, 1.5), ("12", 12), (" -7\n", -7), ("1.50", 1.5), ("12E4", 120000.0)),
        *(
            ("0.1", 0.1),
            ("1.0", 1.0),
            ("9007199254740991", 2**53 - 1),
            ("-0.0", -0.0),
            ("1e-7", 1e-7),
            (f"1200.{'0' * 40}", 1200.0),
            ("0e9999999", 0.0),
        ),
    ],
    "boolean": [(True, True), ("true", True), ("FALSE", False), (" False ", False)],
    "date": [
        ("2026-06-02", "2026-06-02"),
        (" 2026-06-02 ", "2026-06-02"),
        ("2026-06-02T00:00:00Z", "2026-06-02"),
        ("2026-06-02T02:00:00.000+02:00", "2026-06-02"),
        ("0001-01-01", "0001-01-01"),
    ],
    "datetime": [
        ("2026-06-02T08:00:00Z", "2026-06-02T08:00:00Z"),
        ("2026-06-02t08:00:00z", "2026-06-02T08:00:00Z"),
        ("2026-06-02 10:00:00+02:00", "2026-06-02T08:00:00Z"),
        ("2026-06-02T10:00:00+0200", "2026-06-02T08:00:00Z"),
        ("2026-06-02T10:00:00 0200", "2026-06-02T08:00:00Z"),
        ("2026-06-02T08:00Z", "2026-06-02T08:00:00Z"),
        ("2026-06-02T08:00:00.120Z", "2026-06-02T08:00:00.12Z"),
        ("2026-06-02T08:00:00.000Z", "2026-06-02T08:00:00Z"),
        ("2026-06-02T23:30:00.5-05:30", "2026-06-03T05:00:00.5Z"),
        ("2026-06-02", "2026-06-02T00:00:00Z"),
    ],
}
REFUSED: dict[str, list[FieldValue]] = {
    "number": [
        *("", "twelve", "007", "+5", "1,5", "0x10", "1e999", "NaN", "1_000", "１２", True, False),
        *("9007199254740992", "0.12345678901234567", "1e-400", "12 34"),
        *("1e9999999", "-1e-99999999999999999999", f"1e{'9' * 5_000}", f"1.{'0' * 40}1"),
    ],
    "boolean": [1, 0, "1", "yes", "", 1.0],
    "date": [
        *("02/06/2026", "2026-6-2", "20260602", "2026-02-30", "2026-06-02T08:00:00Z", "2026"),
        *("2026-06-02T00:00:00", 20260602, True, "today", "2026-06-02T00:00:00+02:00"),
    ],
    "datetime": [
        *("2026-06-02T08:00:00", "2026-06-02 08:00", "2026-06-02T25:00:00Z", 1780387200, True),
        *("2026-06-02T08:00:60Z", "2026-06-02T08:00:00.Z", "0001-01-01T00:00:00+01:00", "now"),
    ],
}


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [(type_, *pair) for type_, pairs in CONVERTED.items() for pair in pairs],
)
def test_converts_values_that_convert_without_loss(
    type_: str, value: FieldValue, expected: FieldValue
) -> None:
    found = convert(value, type_)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    ("type_", "value"), [(type_, each) for type_, values in REFUSED.items() for each in values]
)
def test_rejects_conversions_that_lose_information(type_: str, value: FieldValue) -> None:
    with pytest.raises(NotConvertible):
        convert(value, type_)


@given(
    st.sampled_from(TYPES),
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(max_size=30)
    | st.from_regex(
        r"20[0-9]{2}-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9]Z)?", fullmatch=True
    ),
)
def test_converting_is_idempotent(type_: str, value: FieldValue) -> None:
    try:
        found = convert(value, type_)
    except NotConvertible:
        return
    again = convert(found, type_)
    assert (type(again), again) == (type(found), found)


@given(st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans())
def test_a_value_survives_the_conversion_to_text_and_back(value: FieldValue) -> None:
    type_ = "boolean" if isinstance(value, bool) else "number"
    assert convert(convert(value, "string"), type_) == value
