"""Returns cells of a workbook as a person sees them: dates, padded numbers, texts, errors."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from app.transfer.damage import EXACT_DIGITS, rounded
from app.transfer.xlsx_texts import unescaped
from app.transfer.xlsx_xml import Attributes

Show = Callable[[float], str] | None

_MAX_STYLES = 70_000
_EXACT = 2**53
_LARGEST = 1e21  # Spreadsheets show the digits of smaller numbers.
_LAST_DAY = 2_958_466  # In the year 10000.
# The number formats that a file does not spell out (ECMA-376 part 1, 18.8.30).
_BUILT_IN = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), *range(34, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
    46: "[h]:mm:ss",
}
_PLAIN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^]]*\]', re.IGNORECASE)
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|(.)', re.DOTALL)


class Formats:
    """What the styles of a workbook show: `shows` has a function, or None, for each style."""

    def __init__(self, *, since_1904: bool) -> None:
        self.shows: list[Show] = []
        self._codes: dict[int, str] = dict(_BUILT_IN)
        self._first = date(1904, 1, 1) if since_1904 else date(1899, 12, 30)
        self._is_in_cells = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "numFmt" and len(self._codes) < _MAX_STYLES:
            self._codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif tag in ("cellStyleXfs", "cellXfs", "cellStyles", "dxfs"):
            self._is_in_cells = tag == "cellXfs"
        elif tag == "xf" and self._is_in_cells and len(self.shows) < _MAX_STYLES:
            self.shows.append(self._show(int(attributes.get("numFmtId", 0))))

    def _show(self, number: int) -> Show:
        code = self._codes.get(number, "").partition(";")[0]
        signs = _PLAIN.sub("", code).lower()
        if "general" in signs or "standard" in signs:
            return None
        if re.search(r"\[[hms]+\]", signs):
            return _duration
        has_time = bool(re.search("[hs]", signs))
        if has_time or re.search("[ymd]", signs):
            return self._moment(
                has_date=bool(re.search("[yd]", signs)) or not has_time, has_time=has_time
            )
        return _digits(code)

    def _moment(self, *, has_date: bool, has_time: bool) -> Show:
        def show(value: float) -> str:
            if not 0 <= value < _LAST_DAY:
                return _number(value)
            # Excel counts a 29 February 1900 that never was.
            shift = value < 60 and self._first.year == 1899
            seconds = round(value * 86_400) if has_time else int(value) * 86_400
            moment = datetime.combine(self._first, datetime.min.time())
            moment += timedelta(days=int(shift), seconds=seconds)
            if not has_date and value < 1:
                return moment.time().isoformat()
            return moment.isoformat() if has_time else moment.date().isoformat()

        return show


def _duration(value: float) -> str:
    seconds = round(abs(value) * 86_400)
    sign = "-" if value < 0 else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _digits(code: str) -> Show:
    """Return how a format such as `00000` or `"+"0` shows a number; None where it shows no more.

    Only a + or a country code in front counts as part of the number, not a currency or a unit.
    """
    prefix, zeros, is_begun = "", 0, False
    for quoted, escaped, plain in _TOKEN.findall(code):
        if plain and plain in "0#?":
            is_begun = True
            zeros += plain == "0"
        elif plain and plain not in "+-() ":
            return None
        elif literal := re.sub(r"[\s()-]", "", quoted + escaped + plain):
            if is_begun:
                return None
            prefix += literal
    if not re.fullmatch(r"\+?[0-9]*", prefix) or (not prefix and zeros < 2):
        return None

    def show(value: float) -> str:
        if value < 0 or not value.is_integer() or value >= _EXACT:
            return _number(value)
        return prefix + str(int(value)).zfill(zeros)

    return show


def cell_text(raw: str, kind: str, show: Show, shared: Callable[[int], str]) -> str:
    """Return the text of a cell of a kind (`t`). Raises ValueError or KeyError."""
    if kind == "s":
        return shared(int(raw))
    if kind in ("str", "inlineStr"):
        return unescaped(raw)
    if kind == "b":
        return "true" if raw.strip() in ("1", "true") else "false"
    if kind != "n":
        return raw  # An error such as #N/A, or a date in ISO form.
    if show is None and raw.isdigit() and len(raw) <= EXACT_DIGITS:
        return rounded(raw)
    value = float(raw)
    if show is None:
        return _number(value) if abs(value) < _EXACT else _large(raw, value)
    return show(value)


def _large(raw: str, value: float) -> str:
    return rounded(f"{Decimal(format(value, '.15g')):f}") if 0 < value < _LARGEST else raw


def _number(value: float) -> str:
    """Return an integer by its digits; else what a spreadsheet shows, 15 digits."""
    if value.is_integer() and abs(value) < _EXACT:
        return rounded(str(int(value)))
    return format(value, ".15g")
