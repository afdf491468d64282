"""The fast check of a number agrees with the library phonenumbers."""

from collections.abc import Iterator
from contextlib import suppress

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import ValidationResult

from app.contacts.numbering import Plain, look_at
from app.contacts.phone import examples, normalise

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def e164(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def by_library(digits: str) -> Plain | None:
    """Return what the library finds for a number that is already normalised, else None."""
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if e164(number) != digits or possible != ValidationResult.IS_POSSIBLE:
        return None
    region = phonenumbers.region_code_for_number(number)
    return Plain(phonenumbers.is_valid_number(number), region, number.country_code)


def known_numbers() -> Iterator[str]:
    for code in CODES:
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
            for kind in range(11):
                with suppress(AttributeError):
                    if number := phonenumbers.example_number_for_type(region, kind):
                        yield e164(number)
        if number := phonenumbers.example_number_for_non_geo_entity(code):
            yield e164(number)


KNOWN = sorted(set(known_numbers()))


@st.composite
def near_known(draw: st.DrawFn) -> str:
    """Return a number of which some digits differ from one that is in use."""
    digits = list(draw(st.sampled_from(KNOWN)))
    for place in draw(st.lists(st.integers(0, len(digits) - 1), max_size=3)):
        digits[place] = draw(st.sampled_from("0123456789"))
    return "".join(digits[: draw(st.integers(1, len(digits)))])


@given(near_known() | st.from_regex(r"[0-9]{0,20}", fullmatch=True))
@example("447700900123")
@example("15551234567")
@example("5215512345678")
@example("3906123456")
@example("")
def test_agrees_with_the_library(digits: str) -> None:
    found = look_at(digits)
    assert found is None or found == by_library(digits)


def test_the_fast_check_handles_nearly_all_example_numbers() -> None:
    assert len([each for each in KNOWN if look_at(each)]) > 0.9 * len(KNOWN)
    assert all(look_at(each) == by_library(each) for each in KNOWN if look_at(each))


@pytest.mark.parametrize("region", ["IN", "US", "CA", "DE", "GB", "BR", "KZ"])
def test_the_fast_check_recognizes_example_numbers(region: str) -> None:
    digits = next(examples(region))
    assert look_at(digits) and normalise(digits, "valid") == digits == normalise(f"+{digits}")
