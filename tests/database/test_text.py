"""Folded text: without case and accents, each part on its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database.text import fold, following, words

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
quick = settings(deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("given", "folded"),
    [
        ("Priya", "priya"),
        ("ÀÉÎõü", "aeiou"),
        ("e\u0301", "e"),
        ("Straße", "strasse"),
        ("Łukasz Øre Đặng", "lukasz ore dang"),
        ("İstanbul ISPARTA ırmak", "istanbul isparta irmak"),
        ("Æsir Þór", "aesir thor"),
        ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
        ("\uff30\uff52iya", "priya"),
        ("山田", "山田"),
        ("प्रिया", "प्रिया"),
        ("", ""),
        (None, None),
    ],
)
def test_folds_case_and_accents(given: str | None, folded: str | None) -> None:
    assert fold(given) == folded


@quick
@given(text, text)
def test_folds_each_part_on_its_own(one: str, other: str) -> None:
    assert fold(one + other) == f"{fold(one)}{fold(other)}"
    assert fold(fold(one)) == fold(one)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("Jean-Luc O'Neill", None), ["jean", "luc", "o", "neill"]),
        (("priya.s+x_y@Exämple.com",), ["priya", "s", "x", "y", "example", "com"]),
        (("Anna", "anna ANNA"), ["anna"]),
        (("प्रिया 🙂",), ["प्रिया", "🙂"]),
        (("Gül\u2013Su\u3000(Ay)",), ["gul", "su", "ay"]),
        (("%_*\"'", "", None), []),
    ],
)
def test_splits_words(given: tuple[str | None, ...], expected: list[str]) -> None:
    assert words(*given) == expected


@quick
@given(text.filter(bool), text)
def test_the_upper_bound_of_a_prefix_is_above_all_matches(prefix: str, rest: str) -> None:
    if prefix.strip("\U0010ffff"):
        assert prefix + rest < following(prefix)
        assert not following(prefix).startswith(prefix)


def test_the_upper_bound_skips_surrogates() -> None:
    assert following("a\ud7ff") == "a\ue000"
    assert following("a\U0010ffff") == "b"


@quick
@given(st.text(st.characters(max_codepoint=127)))
def test_finds_the_same_words_in_ascii_and_beside_other_letters(ascii: str) -> None:
    assert words(ascii, "山田") == [*words(ascii), "山田"]


def test_every_ascii_sign_but_letters_and_digits_ends_a_word() -> None:
    for sign in map(chr, range(128)):
        found = ["a", "b"] if not sign.isalnum() else [f"a{sign.lower()}b"]
        assert words(f"a{sign}b") == found
