"""Phones that a spreadsheet has ruined, each kind by its name."""

import re

_AS_TEXT = "Format the column as text before the numbers are pasted in, and save it again."
_ROUNDED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
_DECIMAL = re.compile(r"\+?[0-9]{6,}[.,]0+")
_DATE = re.compile(
    r"[0-9]{1,4}(?P<sign>[-/.])[0-9]{1,2}(?P=sign)[0-9]{1,4}([ T][0-9]{1,2}:[0-9]{2}.*)?"
    r"|[0-9]{1,2}[- ][A-Za-z]{3,9}([- ][0-9]{2,4})?|[A-Za-z]{3,9}[- ][0-9]{2,4}"
)
_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!|ERROR!|SPILL!)")
_TOO_NARROW = re.compile(r"#{3,}")


def name_damage(phone: str) -> str | None:
    """Return what a spreadsheet has done to a phone, and what to do; None where nothing shows."""
    if phone.isdigit():
        return None
    phone = phone.strip()
    if _ROUNDED.fullmatch(phone):
        return f"Rounded by a spreadsheet to scientific notation, digits are lost. {_AS_TEXT}"
    if _DECIMAL.fullmatch(phone):
        return f"Written by a spreadsheet as a decimal number. {_AS_TEXT}"
    if _DATE.fullmatch(phone) and len(re.sub("[^0-9]", "", phone)) <= 14:
        return f"A date in place of a phone: a spreadsheet has taken it for one. {_AS_TEXT}"
    if _ERROR.fullmatch(phone):
        return "An error of a spreadsheet's formula, not a phone."
    if _TOO_NARROW.fullmatch(phone):
        return "A spreadsheet's sign for a column that is too narrow, not a phone."
    return None


def name_lost_zeros(phone: str) -> str | None:
    """Return what may have befallen a phone of digits alone that is too short."""
    if phone.strip().isdigit():
        return f"A spreadsheet may have taken leading zeros or the + away. {_AS_TEXT}"
    return None
