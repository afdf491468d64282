"""Finds the phone numbers of a row in its columns, in the order in which they are tried."""

from collections.abc import Sequence

from app.contacts.national import region_of_code
from app.contacts.phone import REGIONS
from app.transfer import cells, profiles
from app.transfer.columns import MAPPED, NAMED, Layout
from app.transfer.phone_cells import split_cell
from app.transfer.profiles import NEVER, PHONE_KINDS
from app.transfer.rows import PhoneText


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

    def texts(self, found: Sequence[str], id: object) -> list[PhoneText]:
        """Return the numbers of a row, which has a cell for each column."""
        region = self._region(found)
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
                texts.append((rank, PhoneText(text, column.name, kind, is_first, region)))
        if len(texts) > 1:
            texts.sort(key=lambda each: each[0])
        return [text for _, text in texts]

    def _region(self, found: Sequence[str]) -> str | None:
        """Return the country that a row names: by a calling code, two letters, or its name."""
        return next(
            (region for place in self._regions if (region := region_in(found[place]))), None
        )


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


def region_in(cell: str) -> str | None:
    """Return the country that a cell names, None where it names none that is known."""
    text = cell.strip().strip("'").removesuffix(".0")
    if not text:
        return None
    if text.upper() in REGIONS and len(text) == 2:
        return text.upper()
    return region_of_code(text.split(" ")[0].strip("()")) or profiles.region_named(text)
