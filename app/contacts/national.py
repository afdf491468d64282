"""Reads phone numbers in files, which may lack a country code, and finds their countries.

Example: with the region IN, `98860 12345` is 919886012345, and so is `919886012345`.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import phonenumbers
from phonenumbers import ValidationResult

from app.contacts.numbering import MEXICO_WITH_1, look_at, sole_region
from app.contacts.phone import REGIONS, PhoneError, normalise, spelled

_TELLING_DIGITS = 7
_MOST_KEPT = 10_000
_regions: dict[str, str] = {}


class Number(NamedTuple):
    """E.164 digits, and whether their range is assigned to anyone."""

    digits: str
    valid: bool


def read_international(text: str) -> Number:
    """Read a number as international, also where it has no +. Raises `PhoneError`."""
    is_plain = text.isascii() and text.isdigit() and not text.startswith("0")
    digits = text if is_plain else spelled(text).removeprefix("+")
    if plain := look_at(digits):
        return Number(digits, plain.valid)
    number = _parsed(digits)
    if number is None or not _is_normal(digits, number):
        digits = normalise(text)
        number = phonenumbers.parse(f"+{digits}")
    return Number(digits, phonenumbers.is_valid_number(number))


def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None


def _is_normal(digits: str, number: phonenumbers.PhoneNumber) -> bool:
    """Return whether normalising leaves these digits as they are: it takes a second parse."""
    return (
        not digits.startswith(MEXICO_WITH_1)
        and _e164(number) == digits
        and phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    )


def read_national(text: str, region: str) -> Number:
    """Read a number without + as one of a region, or as international where only that is valid.

    A number that gets its country code here must be valid: with a digit lost or without its area
    code it is likely to be possible. `region` is one of `REGIONS`. Raises `PhoneError`.
    """
    digits = spelled(text)
    if digits.startswith("+"):
        return read_international(digits)
    national = _national(digits, region)
    if national and national.valid:
        return national
    if not digits.startswith("0"):
        has_code = digits.startswith(str(calling_code(region)))
        with suppress(PhoneError):
            international = read_international(digits)
            if international.valid or has_code:
                return international
    raise PhoneError(f"Neither a valid number of {region} nor one with another country code.")


def _national(digits: str, region: str) -> Number | None:
    """Return a possible number of the region, None where it is not one."""
    try:
        return read_international(f"+{_e164(phonenumbers.parse(digits, region))}")
    except (phonenumbers.NumberParseException, PhoneError):
        return None


def region_of(digits: str) -> str:
    """Return the country of E.164 digits (ISO 3166), or their calling code such as +883.

    Where the library must read the number, countries with a common calling code are told apart by
    its first digits only: that is done once for many numbers.
    """
    if (region := sole_region(digits)) in REGIONS:
        return region
    if plain := look_at(digits):
        return plain.region if plain.region in REGIONS else _main_region(plain.code)
    start = digits[:_TELLING_DIGITS]
    found = _regions.get(start)
    if found is None:
        number = phonenumbers.parse(f"+{digits}")
        region = phonenumbers.region_code_for_number(number)
        found = str(region) if region in REGIONS else _main_region(int(number.country_code or 0))
        if len(_regions) >= _MOST_KEPT:
            _regions.clear()
        _regions[start] = found
    return found


def _main_region(code: int) -> str:
    region = phonenumbers.region_code_for_country_code(code)
    return str(region) if region in REGIONS else f"+{code}"


def region_of_code(code: str) -> str | None:
    """Return the main country of a calling code such as 91, +91 or 0091; None where it is none."""
    digits = code.strip().removeprefix("+").removeprefix("00")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 3):
        return None
    region = phonenumbers.region_code_for_country_code(int(digits))
    return str(region) if region in REGIONS else None


def region_names() -> Iterator[tuple[str, str]]:
    """Yield the name of each country, in every language that the library knows, and its region."""
    # Imported here: few files need it, and each worker would hold its tables.
    from phonenumbers.geodata.locale import LOCALE_DATA

    for region, names in LOCALE_DATA.items():
        if region in REGIONS:
            # A value with * refers to that of another language.
            yield from ((name, region) for name in names.values() if not name.startswith("*"))


def calling_code(region: str) -> int:
    """Return the calling code of a country, such as 91 of IN."""
    return int(phonenumbers.country_code_for_region(region))


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"
