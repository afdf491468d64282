"""Reads the cells of one column of custom fields: what can be is decided once for the column."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from app.contacts.model import FieldValue
from app.contacts.values import NOUNS, convert
from app.search.operands import CUSTOM
from app.transfer import cells
from app.transfer.columns import MAPPED, NAMED, Column
from app.transfer.mapping import ANY
from app.web import fields

BLANK: Final = object()
"""What a cell such as n/a says."""

_NO_VALUE = {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "NULL", "null", "\\N", "(null)"}
_NO_VALUE |= {"n/a", "N/A", "-", "--", "—"}
_LONGEST_BLANK = 12


class CustomColumn:
    """`required_types` are the pinned types of custom fields.

    With `is_exact` the cells were written by this service, and mean what they say.
    """

    def __init__(
        self, column: Column, required_types: Mapping[str, str], *, is_exact: bool
    ) -> None:
        self.name = column.name
        self.key = column.field.removeprefix(CUSTOM)
        self._is_exact = is_exact
        type_ = column.type or required_types.get(self.key)
        self._parse: Callable[[str], FieldValue | None] = _bare
        self._type = type_ if type_ != ANY else None
        self.reason = f"Must be {NOUNS[self._type]}." if self._type else ""
        if self._type:
            self._parse = partial(_converted, type_=self._type)
        elif column.source in (NAMED, MAPPED):
            self._parse = cells.parse_value

    def value(self, cell: str) -> FieldValue | object | None:
        """Return the value of a cell with a text; None where it shows nothing, or `BLANK`.

        Raises `NotConvertible`.
        """
        if not self._is_exact:
            if len(cell) < _LONGEST_BLANK and cell.strip() in _NO_VALUE:
                return BLANK
            if (marked := cells.spreadsheet_text(cell)) is not None:
                if not marked:
                    return None
                return convert(marked, self._type) if self._type else marked
        if cell.isspace() or (not cell.isascii() and fields.is_blank(cell)):
            return None
        return self._parse(str(cell))  # Without the class `Rounded`.


def _bare(cell: str) -> FieldValue:
    return cells.parse_bare(cells.parse_text(cell))


def _converted(cell: str, *, type_: str) -> FieldValue:
    return convert(cells.parse_string(cell), type_)
