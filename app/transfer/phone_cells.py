"""Reads the cells of phone columns: what a spreadsheet put around a number, lists, doubtful cells.

Example: `+49 151 23456789 ::: +49 160 98765432` is two numbers; `+91 98860 12351/52` is refused,
since it would pass as one longer number.
"""

import re
from dataclasses import dataclass

from app.contacts.national import Number, read_international, read_national
from app.contacts.phone import MAX_LENGTH, PhoneError, spelled
from app.transfer.damage import describe_damage, describe_lost_zeros
from app.transfer.rows import PhoneText
from app.web.loading import printable

BLANKS = frozenset(("-", "--", "---", "—", "–", ".", "?", "0", "n/a", "na", "n.a.", "none", "null"))
BLANKS |= {"nil", "nan", "undefined", "unknown", "no", "#n/a", "\\n", "<null>", "(null)", "(none)"}
_SHOWN = 40
# The expressions below take a time that grows with the cube of a text, or its square.
_LONGEST = 200  # Characters of a text that they are tried on.
FEWEST_DIGITS = 6  # Fewer are no phone number, whatever the country.
_LIST = re.compile(r":::|;|[\r\n]+")
_FORMULA = re.compile(r"""\s*=?\s*(["'])(.*)\1\s*""", re.DOTALL)
_PLAIN = re.compile(r"\+?[0-9 ().]+")
_WHATSAPP = re.compile(r"@(c\.us|s\.whatsapp\.net)\b|wa\.me/|whatsapp\.com/|\bwhatsapp:", re.I)
_EXTENSION = re.compile(
    r"(?<=[\d)\s;,])\s*(?:;?\s*ext(?:n|ension)?\b[\s.:=]*|x[\s.:]*|#\s*|,{2,}|p(?:oste)?[\s.:]*"
    r"|ramal[\s.:]*|anexo[\s.:]*|int(?:erno)?[\s.:]*|dw[\s.:]*|durchwahl[\s.:]*)\d{1,7}\s*$",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(r"(.*\d)\s*[/\\|&,~]\s*(\d{1,5})\s*")
_DIALLED_ON = re.compile(r"(.*\d)\s*[-\u2010-\u2015]\s*(\d{1,3})\s*")
_TWO = re.compile(r"(.*?\d.*?)\s*(?:[/\\|&,]|\b(?:or|and|und|oder|y|o|ou|et|e)\b)\s*(.*\d.*)", re.I)
_TWO_NUMBERS = "Has two numbers: leave one in the cell, or give each its own column."


class Doubtful(PhoneError):
    """A cell that is not, or not only, a number that its writer meant to be there."""


@dataclass(frozen=True)
class PhoneReader:
    """Reads numbers by the rules of one import.

    `region` is the country of numbers without a country code, `international` says that all have
    one. `check` is the setting
    `CONTACTS_PHONE_CHECK`.
    """

    check: str
    region: str | None = None
    international: bool = False

    def read(self, text: str, region: str | None = None) -> Number:
        """Read one number. Raises `PhoneError`, which is `Doubtful` for what is more than one."""
        region = region or self.region
        if len(text) > _LONGEST:
            raise Doubtful(f"Must be at most {MAX_LENGTH} characters.")
        if damage := describe_damage(text):
            raise Doubtful(damage)
        if not (text.isdigit() or _PLAIN.fullmatch(text)) and (doubt := self._doubt(text, region)):
            raise Doubtful(doubt)
        try:
            number = self._number(text, region)
        except PhoneError as error:
            lost = describe_lost_zeros(text) if region is None else None
            raise PhoneError(f"{error} {lost}" if lost else str(error)) from None
        if self.check == "valid" and not number.valid:
            raise PhoneError("In a range that is not assigned to anyone.")
        return number

    def read_cell(self, cell: PhoneText) -> Number:
        """Read a number of a row, which may name its country. Raises `PhoneError`."""
        if cell.unknown_country and not is_international(cell.text):
            raise Doubtful(
                f'Has no country code, and "{printable(cell.unknown_country[:_SHOWN])}" is no '
                "known country: write its two letters, such as IN."
            )
        if cell.area and not is_international(cell.text):
            return self._with_area(cell, cell.region or self.region)
        return self.read(cell.text, cell.region)

    def _with_area(self, cell: PhoneText, region: str | None) -> Number:
        """Read a number beside which its area code stands, if that is not in it already."""
        whole = cell.text if cell.text.lstrip("0").startswith(cell.area.lstrip("0")) else ""
        joined = cell.area + cell.text
        if region and not whole and self._valid(joined, region):
            if self._valid(cell.text, region):
                raise Doubtful(f"Is a number with the area code {cell.area}, and without it.")
            return self.read(joined, region)
        return self.read(cell.text, region)

    def _number(self, text: str, region: str | None) -> Number:
        if region and not is_international(text):
            return read_national(text, region)
        return read_international(text)

    def _doubt(self, text: str, region: str | None) -> str | None:
        """Return why a cell may not be the one number that its digits make."""
        text = " ".join(text.split())
        if _EXTENSION.search(text):
            return "Has an extension, which is not stored: remove it."
        if text.count("+") > 1:
            return _TWO_NUMBERS
        if _WHATSAPP.search(text):
            return None
        if (two := _TWO.fullmatch(text)) and _digits(two[1]) >= 8 and _digits(two[2]) >= 6:
            return _TWO_NUMBERS
        short = _ABBREVIATED.fullmatch(text)
        if short and self._valid(short[1], region):
            return f"Has two numbers, the second as its last digits {short[2]}: write out one."
        if (more := _DIALLED_ON.fullmatch(text)) and (start := self._valid(more[1], region)):
            whole = self._valid(text, region)
            if whole is None or not whole.startswith(start):
                return f"Has {more[2]} after a complete number: an extension or a second number."
        return None

    def _valid(self, text: str, region: str | None) -> str | None:
        """Return the digits of a text that is a valid number."""
        try:
            number = self._number(text, region)
        except PhoneError:
            return None
        return number.digits if number.valid else None


def _digits(text: str) -> int:
    return sum(each.isdigit() for each in text)


def split_cell(cell: str) -> list[str]:
    """Return the numbers of a cell as they are written, without a spreadsheet's quotes."""
    if cell.isdigit():
        return [cell]
    end = " ".join(cell[-_LONGEST:].split())
    parts = [cell] if _EXTENSION.search(end) else _LIST.split(cell)
    found = (_unwrapped(part) for part in parts)
    return [each for each in found if each and not is_blank(each)]


def _unwrapped(text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST:
        return text
    while match := _FORMULA.fullmatch(text):
        text = match[2].strip()
    return text.strip("'`\u2018\u2019\u00b4").strip()


def is_blank(text: str) -> bool:
    """Return whether a cell only says that there is nothing."""
    return text.strip().casefold() in BLANKS


def is_international(text: str) -> bool:
    """Return whether a number says by its spelling that it has a country code.

    Numbers in links and ids of WhatsApp always have one. Raises `PhoneError`.
    """
    if text.isdigit():
        return text.startswith("00")
    return bool(_WHATSAPP.search(text)) or spelled(text).startswith("+")


def is_bare(text: str) -> bool:
    """Return whether a text is a number that could be of any country."""
    if text.isdigit():
        return len(text) >= FEWEST_DIGITS and not text.startswith("00")
    try:
        return not is_international(text) and len(spelled(text)) >= FEWEST_DIGITS
    except PhoneError:
        return False
