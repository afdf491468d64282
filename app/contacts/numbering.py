"""Looks at plain E.164 digits by the tables of phonenumbers, in a tenth of its functions' time.

What a number needs beyond that, such as a trunk prefix to remove, is left to the library. A test
compares both.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

MEXICO_WITH_1 = "521"  # Its retired mobile prefix, which normalising removes.
_TYPES = (
    *("fixed_line", "mobile", "premium_rate", "toll_free", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)


class Plain(NamedTuple):
    """`code` is the calling code, `region` the library's, None for one that it does not know."""

    valid: bool
    region: str | None
    code: int


class _Plan(NamedTuple):
    """The numbers of one calling `code`: possible lengths without it, and tests by region.

    A region has every number with its `leading` digits, and otherwise those that are `valid`.
    """

    code: int
    lengths: frozenset[int]
    is_changed: Callable[[str], object]
    regions: Sequence[tuple[str, Callable[[str], object] | None, Callable[[str], object]]]


@lru_cache(maxsize=64)  # A number is looked at twice in a row: is it valid, and of which country?
def look_at(digits: str) -> Plain | None:
    """Return what ASCII digits are as an E.164 number; None where the library must read them.

    A number that is not None is possible, and normalising leaves it as it is.
    """
    plan = _plan_of(digits[:3])
    if plan is None or digits.startswith(MEXICO_WITH_1):
        return None
    national = digits[len(str(plan.code)) :]
    if len(national) not in plan.lengths or national[0] == "0" or plan.is_changed(national):
        return None
    for region, leading, is_valid in plan.regions:
        if leading is None:
            if len(plan.regions) == 1 or is_valid(national):
                return Plain(bool(is_valid(national)), region, plan.code)
        elif leading(national):
            return Plain(bool(is_valid(national)), region, plan.code)
    return Plain(False, None, plan.code)


def sole_region(digits: str) -> str | None:
    """Return the region of an E.164 number whose calling code is that of no other region."""
    plan = _plan_of(digits[:3])
    return plan.regions[0][0] if plan and len(plan.regions) == 1 else None


@cache
def _plan_of(start: str) -> _Plan | None:
    """Return the plan of numbers by their first three digits: no calling code has more."""
    return _plan(start[:1]) or _plan(start[:2]) or _plan(start)


@cache
def _plan(code: str) -> _Plan | None:
    """Return the plan of a calling code such as 91, None where it is none."""
    number = int(code) if code.isdigit() and code[0] != "0" else 0
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number, ())
    tables = [(region, table) for region in regions if (table := _table(number, region))]
    general = tables[0][1].general_desc if tables else None
    if general is None:
        return None
    prefix = tables[0][1].national_prefix_for_parsing
    return _Plan(
        number,
        frozenset(general.possible_length).difference(general.possible_length_local_only),
        re.compile(prefix).match if prefix else lambda _: None,
        [
            (
                region,
                re.compile(table.leading_digits).match if table.leading_digits else None,
                _validity(table),
            )
            for region, table in tables
        ],
    )


def _table(code: int, region: str) -> PhoneMetadata | None:
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return PhoneMetadata.metadata_for_nongeo_region(code)
    return PhoneMetadata.metadata_for_region(region)


def _validity(table: PhoneMetadata) -> Callable[[str], object]:
    """Return the test of whether a national number has one of the types of a region."""
    types = [form for name in _TYPES if (form := _form(getattr(table, name)))]
    return re.compile(f"(?={_form(table.general_desc)})(?:{'|'.join(types) or '(?!)'})").match


def _form(description: phonenumbers.PhoneNumberDesc | None) -> str | None:
    """Return a pattern of the whole numbers that fit a description; None where none does."""
    if description is None or not description.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{each}}}" for each in description.possible_length or ())
    length = rf"(?=(?:{lengths})\Z)" if lengths else ""
    return rf"{length}(?:{description.national_number_pattern})\Z"
