"""Names of a row: given and family name take precedence over a full name."""

import pytest

from app.transfer.names import merge_names


@pytest.mark.parametrize(
    ("first", "last", "full", "merged"),
    [
        ("Asha", "Rao", "Dr. Asha K Rao", ("Asha", "Rao")),
        ("", "", "Asha Rao", ("Asha", "Rao")),
        ("", "", "Rao, Asha", ("Asha", "Rao")),
        ("", "", "Asha", ("Asha", "")),
        ("", "", "Dr. Asha Rao", ("Dr. Asha", "Rao")),
        ("", "", "Smt. Asha Rao", ("Smt. Asha", "Rao")),
        ("", "", "Asha Rao, Jr.", ("Asha", "Rao, Jr.")),
        ("", "", "Rao, Asha, PhD, MBA", ("Asha", "Rao, PhD, MBA")),
        ("", "", "Rao, Iva", ("Iva", "Rao")),
        ("", "", "Asha, PhD", ("Asha", "PhD")),
        ("Asha", "", "Asha Rao", ("Asha", "Rao")),
        ("Asha", "", "asha", ("Asha", "")),
        ("Asha", "", "Asha", ("Asha", "")),
        ("", "Rao", "Asha Rao", ("Asha", "Rao")),
        ("", "Rao", "Rao", ("", "Rao")),
        ("", "de la\u00a0 Cruz", "de la\u00a0 Cruz", ("", "de la\u00a0 Cruz")),
        ("Mary  Ann", "", "Mary  Ann Lee", ("Mary  Ann", "Lee")),
    ],
)
def test_merges_names(first: str, last: str, full: str, merged: tuple[str, str]) -> None:
    assert merge_names(first, last, full, has_last=False) == merged


def test_an_empty_cell_of_last_names_means_none() -> None:
    assert merge_names("Asha", "", "Asha Rao", has_last=True) == ("Asha", "")
    assert merge_names("", "", "Asha Rao", has_last=True) == ("Asha", "Rao")
