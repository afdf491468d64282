"""Finds the row that names the columns below titles that people put above a table."""

from collections.abc import Iterable, Sequence

from app.transfer import profiles
from app.transfer.mapping import CARRIED, FIELDS

MOST_TITLES = 10
_MOST_DIGITS = 5  # Of the name of a column.


def count_titles(rows: Iterable[Sequence[str]]) -> int:
    """Return the number of title rows above the header: those with fewer cells.

    The header is the first row, unless a later one has more cells and names a phone number.
    """
    most = 0
    for count, row in enumerate(rows):
        cells = [cell for cell in row if cell.strip()]
        if count and len(cells) > most and _is_phone_header(cells):
            return count
        if not count and any(map(_is_known, cells)):
            return 0
        most = max(most, len(cells))
    return 0


def _is_known(cell: str) -> bool:
    return bool(
        cell.strip() in (*FIELDS, *CARRIED)
        or profiles.field_of(cell)
        or profiles.phone_kind(cell)
        or profiles.is_email(cell)
    )


def _is_phone_header(cells: list[str]) -> bool:
    digits = (sum(each.isdigit() for each in cell) for cell in cells)
    return max(digits) < _MOST_DIGITS and any(map(profiles.phone_kind, cells))
