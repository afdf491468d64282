"""Phone numbers to E.164 digits; the only importer of phonenumbers."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

import phonenumbers
from phonenumbers import ValidationResult

MAX_LENGTH = 64
EXAMPLE = "918856879188"

# White space, ( ) . - /, Unicode dashes, soft hyphen, zero-width and direction marks.
_IGNORED = re.compile(
    r"[\s().\-/\u00ad\u058a\u05be\u061c\u1806\u180e\u200b-\u200f\u2010-\u2015\u202a-\u202e"
    r"\u2053\u2060-\u2064\u2066-\u2069\u207b\u208b\u2212\u301c\u3030\ufe58\ufe63\ufeff\uff0d]+"
)
_MAX_PASSES = 5


class PhoneError(ValueError):
    """The text is no phone number that can be stored; its message says what to send instead."""


@lru_cache(maxsize=4096)
def normalise(text: str, check: str = "possible") -> str:
    """Return the E.164 digits, without `+`, of a number in any tolerated spelling.

    `check` is "possible" (length fits the country) or "valid" (range is assigned). Normalising
    a result gives the same result. Raises `PhoneError`.
    """
    digits = _international_digits(text)
    for _ in range(_MAX_PASSES):
        canonical = _parsed(digits)
        if canonical == digits:
            break
        digits = canonical
    else:
        raise PhoneError("Ambiguous: send it in E.164, with + and the country code.")
    if check == "valid" and not phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}")):
        raise PhoneError("In a range that is not assigned to anyone.")
    return digits


def _international_digits(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise PhoneError(f"Must be at most {MAX_LENGTH} characters.")
    text = _IGNORED.sub("", unicodedata.normalize("NFKC", text))
    if text[:4].lower() == "tel:":
        text = text[4:]
    plus = text.startswith("+")
    text = text.removeprefix("+")
    if not text:
        raise PhoneError(f'Empty: send digits with the country code, such as "{EXAMPLE}".')
    if not text.isdecimal():
        raise PhoneError(
            "Must be digits only, with the country code: no letters, extensions or second +."
        )
    digits = "".join(str(unicodedata.decimal(digit)) for digit in text)
    if not plus:
        digits = digits.removeprefix("00")
    if digits.startswith("0"):
        raise PhoneError(f'Country code missing: send it in front, such as "{EXAMPLE}".')
    return digits


def _parsed(digits: str) -> str:
    """Strip one national trunk prefix, where there is one."""
    if len(digits) == 13 and digits.startswith("521"):
        digits = "52" + digits[3:]  # Mexico dropped the mobile 1 in 2019; WhatsApp still writes it.
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException as error:
        raise PhoneError(_REASONS.get(error.error_type, _UNKNOWN)) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise PhoneError(_IMPOSSIBLE.get(reason, _UNKNOWN))
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def examples(region: str) -> Iterator[str]:
    """Go through mobile numbers of a region (ISO 3166), near the one that the library shows."""
    shown = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if shown is None:
        return
    number = int(f"{shown.country_code}{phonenumbers.national_significant_number(shown)}")
    for step in range(100_000):
        digits = str(number - number % 100_000 + (number + step) % 100_000)
        with suppress(PhoneError):
            if normalise(digits, "valid") == digits:
                yield digits


_UNKNOWN = "Has a length that its country does not use: check it and its country code."
_REASONS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: (
        f'Starts with no known country code: send it in front, such as "{EXAMPLE}".'
    ),
    phonenumbers.NumberParseException.TOO_LONG: "Too long for a phone number.",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "Too short for its country code.",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "Too short for a phone number.",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "Too short for a phone number.",
}
_IMPOSSIBLE = {
    ValidationResult.INVALID_COUNTRY_CODE: _REASONS[0],
    ValidationResult.TOO_SHORT: "Too short for its country code.",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "Too short for its country code: a local number.",
    ValidationResult.TOO_LONG: "Too long for its country code.",
}
