"""Recognizes phone numbers that a spreadsheet damaged, and says how to repair the file."""

import re

_AS_TEXT = "Format the column as text, paste the numbers again, and save the file."
_ROUNDED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_DECIMAL = re.compile(r"\+?[0-9]{6,}[.,]0+")
_DATE = re.compile(
    r"[0-9]{1,4}(?P<sign>[-/.])[0-9]{1,2}(?P=sign)[0-9]{1,4}([ T][0-9]{1,2}:[0-9]{2}.*)?"
    r"|[0-9]{1,2}[- ][A-Za-z]{3,9}([- ][0-9]{2,4})?|[A-Za-z]{3,9}[- ][0-9]{2,4}"
)
_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|ERROR!|SPILL!)")
_TOO_NARROW = re.compile(r"#{3,}")


def describe_damage(phone: str) -> str | None:
    """Return what a spreadsheet did to a phone, and what to do; None where nothing is wrong."""
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


def describe_lost_zeros(phone: str) -> str | None:
    """Return what may have happened to a phone of digits only that is too short."""
    if phone.strip().isdigit():
        return f"A spreadsheet may have removed leading zeros or the +. {_AS_TEXT}"
    return None
