"""Recognizes phone numbers that a spreadsheet damaged, and says how to repair the file."""

import re

_AS_TEXT = "Format the column as text, paste the numbers again, and save the file."
EXACT_DIGITS = 15  # A spreadsheet keeps this many of a number,
_SHOWN_DIGITS = 6  # and shows so many in scientific notation.
_FEWEST_OF_PHONE = 11  # From this length on, a number is shown so.
_ROUNDED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_DECIMAL = re.compile(r"\+?[0-9]{6,}[.,]0+")
_DATE = re.compile(
    r"[0-9]{1,4}(?P<sign>[-/.])[0-9]{1,2}(?P=sign)[0-9]{1,4}([ T][0-9]{1,2}:[0-9]{2}.*)?"
    r"|[0-9]{1,2}[- ][A-Za-z]{3,9}([- ][0-9]{2,4})?|[A-Za-z]{3,9}[- ][0-9]{2,4}"
)
_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|ERROR!|SPILL!)")
_TOO_NARROW = re.compile(r"#{3,}")


class Rounded(str):
    """An integer of a workbook that a spreadsheet may have rounded: as a phone number it has few
    digits before its zeros, or it has more digits than a spreadsheet keeps."""

    __slots__ = ()


def rounded(digits: str) -> str:
    """Return the digits of a number of a workbook, as `Rounded` where they may be."""
    if len(digits) < _FEWEST_OF_PHONE:
        return digits
    is_rounded = len(digits) > EXACT_DIGITS or len(digits.rstrip("0")) <= _SHOWN_DIGITS
    return Rounded(digits) if is_rounded else digits


def describe_damage(phone: str) -> str | None:
    """Return what a spreadsheet did to a phone, and what to do; None where nothing is wrong."""
    if isinstance(phone, Rounded):
        return f"Likely rounded by a spreadsheet: digits are lost. {_AS_TEXT}"
    if phone.isdigit():
        return None
    phone = phone.strip()
    if _ROUNDED.fullmatch(phone):
        return f"Rounded by a spreadsheet to scientific notation: digits are lost. {_AS_TEXT}"
    if _DECIMAL.fullmatch(phone):
        return f"A spreadsheet wrote it as a decimal number. {_AS_TEXT}"
    if _DATE.fullmatch(phone) and len(re.sub("[^0-9]", "", phone)) <= 14:
        return f"A date: a spreadsheet converted the phone number. {_AS_TEXT}"
    if _ERROR.fullmatch(phone):
        return "The error of a spreadsheet formula, not a phone number."
    if _TOO_NARROW.fullmatch(phone):
        return "The sign of a spreadsheet column that is too narrow, not a phone number."
    return None


def is_rounded(cell: str) -> bool:
    """Return whether a spreadsheet has likely removed digits of an identifier or a number."""
    if isinstance(cell, Rounded):
        return len(cell) > EXACT_DIGITS
    return "E+" in cell and bool(_ROUNDED.fullmatch(cell))


def describe_lost_zeros(phone: str) -> str | None:
    """Return what may have happened to a phone of digits only that is too short."""
    if phone.strip().isdigit():
        return f"A spreadsheet may have removed leading zeros or the +. {_AS_TEXT}"
    return None
