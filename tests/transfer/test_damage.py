"""Phones that spreadsheets damaged are described; phones that only look odd are accepted."""

import pytest

from app.transfer.damage import describe_damage, describe_lost_zeros


@pytest.mark.parametrize(
    ("phone", "word"),
    [
        ("9.18857E+11", "scientific"),
        ("9,18857E+11", "scientific"),
        ("9.18857e11", "scientific"),
        ("1E+12", "scientific"),
        ("918856879188.0", "decimal"),
        ("918856879188,00", "decimal"),
        ("12/05/2021", "date"),
        ("2021-05-12", "date"),
        ("2021-05-12 00:00:00", "date"),
        ("12.05.21", "date"),
        ("12-May-21", "date"),
        ("May-21", "date"),
        ("#REF!", "formula"),
        ("#N/A", "formula"),
        ("#########", "narrow"),
    ],
)
def test_describes_damage(phone: str, word: str) -> None:
    assert word in (describe_damage(phone) or "")
    assert word in (describe_damage(f" {phone} ") or "")


@pytest.mark.parametrize(
    "phone",
    ["918856879188", "+91 88568-79188", "+1.415.555.2671", "0091 8856879188", "1-800-555-2671", ""],
)
def test_accepts_phones_without_damage(phone: str) -> None:
    assert describe_damage(phone) is None


def test_suspects_lost_zeros_in_digits_alone() -> None:
    assert "zeros" in (describe_lost_zeros("7911123") or "")
    assert describe_lost_zeros("+7911123") is None
