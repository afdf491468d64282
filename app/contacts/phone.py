"""Normalises phone numbers to E.164 digits.

Example: `+91 (0) 88568-79188` becomes `918856879188`.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import decimal, normalize

import phonenumbers
from phonenumbers import PhoneNumberType, ValidationResult

from app.contacts.numbering import MEXICO_WITH_1, look_at

MAX_LENGTH = 64
EXAMPLE = "918856879188"

# Soft hyphen, zero-width and direction marks, keycaps and variation selectors of emoji.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069"
    "\u20e3\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]+"
)
# White space, ( ) . - / and Unicode dashes.
_PUNCTUATION = re.compile(
    r"[\s().\-/\u058a\u05be\u1806\u2010-\u2015\u2053\u207b\u208b\u2212\u301c\u3030"
    r"\ufe58\ufe63\uff0d]+"
)
# What other programs put around a number, by what is done about it.
_WRAPPINGS = {
    "Took the number out of the link.": re.compile(
        r"\s*(?:(?:https?:/+)?(?:www\.)?wa\.me/|(?:https?:/+)?(?:api|web)\.whatsapp\.com/send/?"
        r"\?phone=(?:%2B)?|whatsapp:/+send/?\?phone=(?:%2B)?)([^/?#&]*)(?:[/?#&].*)?",
        re.IGNORECASE | re.DOTALL,
    ),
    "Removed the scheme.": re.compile(r"\s*(?:tel|whatsapp|p):(.*)", re.IGNORECASE | re.DOTALL),
    "Took the number out of the WhatsApp id.": re.compile(
        r"\s*(\+?\d+)(?::\d+)?@(?:c\.us|s\.whatsapp\.net)\s*", re.IGNORECASE
    ),
}
_NO_PERSONS = {
    "lid": "A hidden WhatsApp id (@lid), which is not made of the number: send the phone number.",
    "g.us": "A WhatsApp group (@g.us), which has no phone number: send that of a person.",
    "broadcast": "A WhatsApp broadcast, which has no phone number: send that of a person.",
    "newsletter": "A WhatsApp channel, which has no phone number: send that of a person.",
}
_MAX_PASSES = 5
REGIONS = frozenset(phonenumbers.SUPPORTED_REGIONS)


class PhoneError(ValueError):
    """A text that is not a valid phone number; the message says what to send instead."""


@dataclass(frozen=True)
class Explanation:
    """How a number is read: it has either a `result`, or the `reason` why it is rejected."""

    input: str
    result: str | None
    reason: str | None
    steps: list[dict[str, str]]
    region: str | None
    kind: str | None
    possible: bool
    valid: bool


@lru_cache(maxsize=4096)
def normalise(text: str, check: str = "possible") -> str:
    """Return the E.164 digits, without `+`, of a number in any tolerated spelling.

    `check` is "possible" (length fits the country) or "valid" (range is assigned). Normalising
    a result gives the same result. Raises `PhoneError`.
    """
    plain = look_at(text) if text.isascii() and text.isdigit() else None
    if plain and (plain.valid or check != "valid"):
        return text
    *_, (_, digits) = _steps(text)
    if check == "valid" and not phonenumbers.is_valid_number(_parsed(digits)):
        raise PhoneError(_UNASSIGNED)
    return digits


def explain(text: str, check: str = "possible") -> Explanation:
    """Return what `normalise` does to a number, step by step, and facts about its range."""
    taken, now, reason = [], text, None
    try:
        for done, after in _steps(text):
            if after != now:
                taken.append({"done": done, "text": after})
            now = after
    except PhoneError as error:
        return Explanation(text, None, str(error), taken, None, None, possible=False, valid=False)
    number = _parsed(now)
    valid = phonenumbers.is_valid_number(number)
    if check == "valid" and not valid:
        reason = _UNASSIGNED
    kind = PhoneNumberType.to_string(phonenumbers.number_type(number)).lower()
    return Explanation(
        text,
        None if reason else now,
        reason,
        taken,
        phonenumbers.region_code_for_number(number),
        None if kind == "unknown" else kind,
        possible=True,
        valid=valid,
    )


def twins(phone: str) -> list[str]:
    """Return the numbers, at most one, that may belong to the same person.

    Brazil and Argentina write mobile numbers with a 9 and without it, and WhatsApp mixes them.
    """
    for form in _WITH_OR_WITHOUT_9:
        if found := form.fullmatch(phone):
            country, nine, rest = found.groups()
            twin = f"{country}{'' if nine else '9'}{rest}"
            return [twin] if explain(twin).result == twin else []
    return []


_WITH_OR_WITHOUT_9 = (re.compile(r"(55\d\d)(9?)([6-9]\d{7})"), re.compile(r"(54)(9?)(\d{10})"))


def spelled(text: str) -> str:
    """Return the digits of a number, with + in front where it is spelled as international.

    Raises `PhoneError`.
    """
    *_, (_, digits) = _spelling(text)
    return digits


def _steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield each step and the number after it; the last one is E.164 digits.

    A step can leave the number unchanged. Raises `PhoneError`.
    """
    for done, digits in _spelling(text):
        yield done, digits
    yield "Removed the +.", (digits := digits.removeprefix("+"))
    if digits.startswith("0"):
        raise PhoneError(f'Country code missing: send it in front, such as "{EXAMPLE}".')
    for _ in range(_MAX_PASSES):
        before = digits
        if len(digits) == 13 and digits.startswith(MEXICO_WITH_1):
            # Mexico dropped it in 2019; WhatsApp still writes it.
            yield "Removed Mexico's retired mobile 1.", (digits := "52" + digits[3:])
        yield "Removed the national trunk prefix.", (digits := _without_trunk_prefix(digits))
        if digits == before:
            return
    raise PhoneError("Ambiguous: send it in E.164, with + and the country code.")


def _spelling(text: str) -> Iterator[tuple[str, str]]:
    """Yield the steps from a text to digits, with + in front if the number is international."""
    if len(text) > MAX_LENGTH:
        raise PhoneError(f"Must be at most {MAX_LENGTH} characters.")
    if not text.isascii():
        yield (
            "Replaced compatible forms of characters by plain ones.",
            (text := normalize("NFKC", text)),
        )
    if not text.isdecimal():
        yield "Removed invisible characters.", (text := _INVISIBLE.sub("", text))
        yield from (unwrapped := _unwrapped(text))
        text = unwrapped[-1][1] if unwrapped else text
        yield "Removed punctuation and spaces.", (text := _PUNCTUATION.sub("", text))
    plus, digits = text[:1] == "+", text.removeprefix("+")
    if not digits:
        raise PhoneError(f'Empty: send digits with the country code, such as "{EXAMPLE}".')
    if not digits.isdecimal():
        raise PhoneError(
            "Must be digits only, with the country code: no letters, extensions or second +."
        )
    if not digits.isascii():
        digits = "".join(str(decimal(digit)) for digit in digits)
        yield "Replaced digits of other scripts by 0 to 9.", "+" * plus + digits
    if plus or digits.startswith("00"):
        digits = "+" + (digits if plus else digits[2:])
    yield "Replaced 00 by +.", digits


def _unwrapped(text: str) -> list[tuple[str, str]]:
    """Return the step, if any, that takes a number out of a link, a URI or an id of WhatsApp.

    Raises `PhoneError` for an id of WhatsApp that is not a person's number.
    """
    if reason := _NO_PERSONS.get(text.rpartition("@")[2].strip().lower()):
        raise PhoneError(reason)
    for done, form in _WRAPPINGS.items():
        if match := form.fullmatch(text):
            return [(done, match[1])]
    return []


def _parsed(digits: str) -> phonenumbers.PhoneNumber:
    """Return the number as an object of the library. Raises `PhoneError`."""
    try:
        return phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException as error:
        raise PhoneError(_REASONS.get(error.error_type, _UNKNOWN)) from None


def _without_trunk_prefix(digits: str) -> str:
    """Strip one national trunk prefix, where there is one."""
    number = _parsed(digits)
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise PhoneError(_IMPOSSIBLE.get(reason, _UNKNOWN))
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def examples(region: str) -> Iterator[str]:
    """Yield mobile numbers of a region (ISO 3166), near the example of the library."""
    shown = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if shown is None:
        return
    number = int(f"{shown.country_code}{phonenumbers.national_significant_number(shown)}")
    for step in range(100_000):
        digits = str(number - number % 100_000 + (number + step) % 100_000)
        with suppress(PhoneError):
            if normalise(digits, "valid") == digits:
                yield digits


_UNASSIGNED = "In a range that is not assigned to anyone."
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
