"""Phone numbers: accepted spellings are normalised, the rest is rejected with a reason."""

from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, ValidationResult

from app.contacts.phone import EXAMPLE, MAX_LENGTH, PhoneError, normalise

ACCEPTED = {
    "91 0 8856012345": "918856012345",
    "9108856012345": "918856012345",
    "+91 0 8856012345": "918856012345",
    "+91 (0) 8856012345": "918856012345",
    "0091 8856012345": "918856012345",
    "00442079460958": "442079460958",
    "+44 (0)20 7946 0958": "442079460958",
    "(+44) 20 7946 0958": "442079460958",
    "+7 8 912 345 67 89": "79123456789",
    "+36 06 20 123 4567": "36201234567",
    "+370 8 612 34567": "37061234567",
    "+52 1 55 1234 5678": "525512345678",
    "5215512345678": "525512345678",
    "+52 55 1234 5678": "525512345678",
    "+54 11 15 2345 6789": "5491123456789",
    "+54 9 11 2345 6789": "5491123456789",
    "+54 11 2345 6789": "541123456789",
    "+55 11 8765 4321": "551187654321",
    "+55 11 98765 4321": "5511987654321",
    "+39 06 1234 5678": "390612345678",
    "+39 6 1234 5678": "39612345678",
    "tel:+1-415-555-2671": "14155552671",
    "TEL:+1-415-555-2671": "14155552671",
    "+1 (000) 000-0000": "10000000000",
    "+15555555555": "15555555555",
    "2079460958": "2079460958",
    "2015550123": "2015550123",
}

SPELLINGS = [
    "918856879188",
    "+918856879188",
    "00918856879188",
    "+91 88568 79188",
    "91-88568-79188",
    "+91 (88568) 79188",
    "+91.88568.79188",
    "+91/88568/79188",
    "  918856879188\n",
    "\t+91 8856879188\r\n",
    "tel:+91-88568-79188",
    "tel:918856879188",
    "+91\u00a088568\u00a079188",
    "+91\u200988568\u200979188",
    "+91\u201188568\u201379188",
    "+91\u221288568\uff0d79188",
    "\ufeff918856879188",
    "\u202a+91 88568 79188\u202c",
    "\u200b9\u200d1\u20608856879188\u200e",
    "9188568\u00ad79188",
    "\uff0b\uff19\uff11 \uff18\uff18\uff15\uff16\uff18\uff17\uff19\uff11\uff18\uff18",
    "+\u0669\u0661\u0668\u0668\u0665\u0666\u0668\u0667\u0669\u0661\u0668\u0668",
    "+\u096f\u0967\u096e\u096e\u096b\u096c\u096e\u096d\u096f\u0967\u096e\u096e",
    "+\U0001d7d7\U0001d7cf\U0001d7d6\U0001d7d6\U0001d7d3\U0001d7d4\U0001d7d6\U0001d7d5"
    "\U0001d7d7\U0001d7cf\U0001d7d6\U0001d7d6",
    "+\u2079\u00b98856879188",
    "+\u2468\u24608856879188",
    "+91 0 88568 79188",
    "9\ufe0f\u20e318856879188\ufe0e",
    "whatsapp:+918856879188",
    "WhatsApp: 91 88568 79188",
    "p:+918856879188",
    "918856879188@c.us",
    "918856879188@s.whatsapp.net",
    "918856879188:12@S.WhatsApp.net",
    "https://wa.me/918856879188",
    "http://www.wa.me/+91-88568-79188/",
    "wa.me/918856879188?text=Hi%20there",
    "https:/wa.me/918856879188",
    "https://api.whatsapp.com/send?phone=%2B918856879188&text=Hi",
    "\u2066https://wa.me/918856879188\u2069",
]

REFUSED = {
    "": "empty",
    " \u200b ": "empty",
    "+": "empty",
    "tel:": "empty",
    "09108856012345": "country code missing",
    "08856012345": "country code missing",
    "011442079460958": "country code missing",
    "+00442079460958": "country code missing",
    "000442079460958": "country code missing",
    "++442079460958": "digits only",
    "+44+2079460958": "digits only",
    "1-800-FLOWERS": "digits only",
    "+44 20 7946 0958 foo": "digits only",
    "call +442079460958 now": "digits only",
    "+1 415 555 2671 ext. 89": "digits only",
    "+1 415 555 2671 x89": "digits only",
    "+14155552671;ext=89": "digits only",
    "+14155552671,,89": "digits only",
    "+14155552671#89": "digits only",
    "+14155552671p89": "digits only",
    "tel:4155552671;phone-context=+1": "digits only",
    "tel:tel:+14155552671": "digits only",
    "9188\x0056879188": "digits only",
    "123456789012345@lid": "hidden WhatsApp id",
    "918856879188:3@lid": "hidden WhatsApp id",
    "918856879188-1426243@g.us": "WhatsApp group",
    "120363025246125486@g.us\u200b": "WhatsApp group",
    "status@broadcast": "broadcast",
    "120363025246125486@newsletter": "channel",
    "918856879188.0:1@s.whatsapp.net": "digits only",
    "whatsapp:tel:+918856879188": "digits only",
    "https://wa.me/message/ABC2": "digits only",
    "https://wa.me/": "empty",
    "https://example.com/918856879188": "digits only",
    "whatsapp:": "empty",
    "9188\ud80056879188": "digits only",
    "918856879188\U0001f4de": "digits only",
    "89123456789": "no known country code",
    "+379 66982": "no known country code",
    "+999123456789": "no known country code",
    "+210123456789": "no known country code",
    "+378 549 886377": "length that its country does not use",
    "112": "too short",
    "+1911": "too short",
    "+9112": "too short",
    "4155552671": "too short",
    "+225 01234567": "too short",
    "+229 97123456": "too short",
    "9": "too short",
    "+44 20 7946 0958/9": "too long",
    "12345678901234567": "too long",
    "1" * MAX_LENGTH: "too long",
    "1" + " " * MAX_LENGTH: "at most 64 characters",
}


def _examples() -> Iterator[str]:
    """Yield the digits of the library's example numbers of all regions and kinds."""
    kinds = phonenumbers.PhoneNumberType.values()
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in kinds:
            yield from _digits(phonenumbers.example_number_for_type(region, kind))
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        yield from _digits(phonenumbers.example_number_for_non_geo_entity(code))


def _digits(number: phonenumbers.PhoneNumber | None) -> Iterator[str]:
    # Canada's numbers of seven digits cannot be dialled from abroad.
    local = ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    if number and phonenumbers.is_possible_number_with_reason(number) != local:
        yield phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")


@pytest.mark.parametrize(("text", "digits"), ACCEPTED.items())
def test_accepts_documented_forms(text: str, digits: str) -> None:
    assert normalise(text) == digits


@pytest.mark.parametrize("text", SPELLINGS)
def test_folds_spellings_of_one_number(text: str) -> None:
    assert normalise(text) == "918856879188"


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_rejects_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(PhoneError, match=f"(?i:{reason})"):
        normalise(text)


def test_the_reason_shows_a_valid_spelling() -> None:
    with pytest.raises(PhoneError, match=EXAMPLE):
        normalise("08856012345")


def test_accepts_the_longest_spelling() -> None:
    assert normalise("+918856879188".rjust(MAX_LENGTH)) == "918856879188"


@pytest.mark.parametrize("prefix", ["", "+", "00"])
def test_keeps_example_numbers_of_all_regions(prefix: str) -> None:
    examples = list(_examples())
    assert len(examples) > 1_300
    assert [each for each in examples if normalise(prefix + each) != each] == []


@pytest.mark.parametrize("digits", sorted(set(ACCEPTED.values())))
def test_a_stored_number_is_normalised_to_itself(digits: str) -> None:
    assert normalise(digits) == digits


@pytest.mark.parametrize("text", ["+1 (000) 000-0000", "+15555555555", "2079460958", "39612345678"])
def test_valid_rejects_unassigned_ranges(text: str) -> None:
    assert normalise(text)
    with pytest.raises(PhoneError, match="not assigned"):
        normalise(text, "valid")


@pytest.mark.parametrize("text", ["+44 (0)20 7946 0958", "2015550123", "+52 1 55 1234 5678"])
def test_valid_accepts_assigned_ranges(text: str) -> None:
    assert normalise(text, "valid") == normalise(text)


def test_cached_results_depend_on_the_check() -> None:
    assert normalise("15555555555", "possible") == "15555555555"
    with pytest.raises(PhoneError):
        normalise("15555555555", "valid")
    assert normalise("15555555555", "possible") == "15555555555"
