"""Finds the phone numbers of a row in its columns, in the order in which they are tried."""

import re
from collections.abc import Sequence

from app.contacts.national import calling_code, region_of_code
from app.contacts.phone import REGIONS
from app.transfer import cells, profiles
from app.transfer.columns import MAPPED, NAMED, Layout
from app.transfer.phone_cells import is_blank, split_cell
from app.transfer.profiles import NEVER, PHONE_KINDS
from app.transfer.rows import PhoneText

_MOST_AREA = 6  # Digits.
_CODE = re.compile(r"[+\s(]*([0-9]{1,4})[\s)]*")
# Two letters of their own make a flag.
_FLAGS = {0x1F1E6 + place: chr(ord("A") + place) for place in range(26)}


class PhoneColumns:
    """The columns of one file that have phone numbers, their labels, and countries."""

    def __init__(self, layout: Layout) -> None:
        self._columns = layout.columns
        self._phones = _phone_places(layout)
        self._regions = [
            place
            for field in ("country_code", "country")
            for place, column in enumerate(layout.columns)
            if column.field == field
        ]
        self._areas = [
            place for place, each in enumerate(layout.columns) if each.field == "area_code"
        ]

    @property
    def only(self) -> int | None:
        """The place of the only column that says anything of the phone; None where others do."""
        if len(self._phones) != 1 or self._regions or self._areas:
            return None
        [(rank, place, label)] = self._phones
        is_first = rank < len(PHONE_KINDS) and self._columns[place].kind != NEVER
        return place if is_first and label is None else None

    def texts(self, found: Sequence[str], id: object) -> list[PhoneText]:
        """Return the numbers of a row, which has a cell for each column."""
        region, unknown = self._region(found)
        area = next((cell for place in self._areas if (cell := _area(found[place]))), "")
        texts: list[tuple[int, PhoneText]] = []
        for rank, place, label in self._phones:
            cell = cells.parse_text(found[place])
            if not cell:
                continue
            column = self._columns[place]
            kind = column.kind or "main"
            if label is not None:
                kind = profiles.label_kind(found[label])
                rank = PHONE_KINDS.index(kind) if kind in PHONE_KINDS else rank
            is_first = rank < len(PHONE_KINDS) and kind != NEVER
            for text in split_cell(cell):
                if id == f"cnt_{text}":  # As this service writes it, so with its country code.
                    text = f"+{text}"
                said = PhoneText(text, column.name, kind, is_first, region, unknown, area)
                texts.append((rank, said))
        if len(texts) > 1:
            texts.sort(key=lambda each: each[0])
        return [text for _, text in texts]

    def _region(self, found: Sequence[str]) -> tuple[str | None, str | None]:
        """Return the country that a row names, and the first name that none is known by."""
        unknown: str | None = None
        for place in self._regions:
            if (cell := found[place]) and not is_blank(cell):
                if region := region_in(cell):
                    return region, None
                unknown = unknown or cell.strip() or None
        return None, unknown


def _phone_places(layout: Layout) -> list[tuple[int, int, int | None]]:
    """Return the rank, the place, and the place of the label of each column of phone numbers.

    A column that somebody chose comes first, and if a person chose it, it alone gives the phone.
    """
    labels = {
        _number_in(each.name): place
        for place, each in enumerate(layout.columns)
        if each.field == "phone_label"
    }
    phones = [(place, each) for place, each in enumerate(layout.columns) if each.field == "phone"]
    decided = any(each.source == MAPPED for _, each in phones)
    found: list[tuple[int, int, int | None]] = []
    for place, column in phones:
        rank = PHONE_KINDS.index(column.kind or "main")
        if column.source in (NAMED, MAPPED):
            rank = -1
        elif decided:
            rank = len(PHONE_KINDS)
        label = (
            labels.get(_number_in(column.name)) if column.source not in (NAMED, MAPPED) else None
        )
        found.append((rank, place, label))
    return sorted(found)


def _number_in(name: str) -> str:
    return "".join(each for each in name if each.isdigit())


def _area(cell: str) -> str:
    """Return the digits of an area code such as 0221 or (415)."""
    digits = cell.strip().strip("'()").removesuffix(".0")
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_AREA else ""


def region_in(cell: str) -> str | None:
    """Return the country that a cell names: by two letters, a calling code, a name, or several.

    None where it names none that is known, or where its parts contradict each other.
    """
    text = cell.strip().strip("'").removesuffix(".0").translate(_FLAGS)
    code = _CODE.search(text)
    name = _CODE.sub(" ", text).strip(" -–:,;/|()") if code else text
    by_name = name.upper() if name.upper() in REGIONS else name and profiles.region_named(name)
    if code is None or not by_name:
        return (region_of_code(code[1]) if code else None) or by_name or None
    return by_name if region_of_code(code[1]) == region_of_code(_code_of(by_name)) else None


def _code_of(region: str) -> str:
    return str(calling_code(region))
