"""Converts the cells of a row to what they say of a contact, by the layout of the file."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.contacts.values import NotConvertible
from app.transfer import cells
from app.transfer.columns import Layout
from app.transfer.custom_columns import BLANK, CustomColumn
from app.transfer.damage import is_rounded
from app.transfer.emails import is_email, split_cell
from app.transfer.findings import Findings
from app.transfer.names import merge_names
from app.transfer.phone_cells import FEWEST_DIGITS, is_blank
from app.transfer.phone_columns import PhoneColumns
from app.transfer.rows import BareNumber, FileRow, Reason, Row

_TEXTS = ("id", "created_at", "updated_at", "aliases")
_LIST_SIGNS = (";", ",", "|")
# Names of people are among the words of `is_blank`: Nan, Na, Null.
_NO_NAME = {"-", "--", "---", "—", "–", "?", ".", "n/a", "N/A", "#N/A", "null", "NULL", "none"}
_NO_NAME |= {"None", "(null)", "<null>", "\\N"}
_MOST_KEPT = 1_000  # Cells of tags,
_MAX_KEPT = 200  # of so many characters.


class Converter:
    """Converts the rows of one file. `required_types` are the pinned types of custom fields."""

    def __init__(
        self,
        layout: Layout,
        findings: Findings,
        tag_separator: str | None = None,
        required_types: Mapping[str, str] | None = None,
    ) -> None:
        self._findings = findings
        self._width = len(layout.columns)
        self._exact = layout.as_written
        self._empty = layout.profile.empty if layout.profile else frozenset()
        self._separator = tag_separator
        if layout.profile and not tag_separator:
            self._separator = layout.profile.tag_separator
        self._required = required_types or {}
        self._places: dict[str, list[int]] = {}
        for place, column in enumerate(layout.columns):
            self._places.setdefault(column.field.split(".")[0], []).append(place)
        self._columns = layout.columns
        self._has_last = "last_name" in self._places
        self._last_named = max(
            (place for place, each in enumerate(layout.columns) if each.name), default=0
        )
        self._nameless = [
            place for place in self._places.get("", ()) if not layout.columns[place].name
        ]
        self._texts = [(name, place) for name in _TEXTS for place in self._places.get(name, ())]
        self._custom = [
            (place, CustomColumn(layout.columns[place], self._required, is_exact=self._exact))
            for place in self._places.get("custom_fields", ())
        ]
        self._tags: dict[str, Sequence[str]] = {}
        self._phones = PhoneColumns(layout)
        self._beside = [*self._places.get("country", ()), *self._places.get("area_code", ())]
        self._bare = self._phones.only if "id" not in self._places else None

    def phones(self, raw: FileRow) -> Row | BareNumber:
        """Return the phone numbers of a row, and nothing else that it says."""
        given = raw.cells or ()
        if self._bare is not None and len(given) == self._width:
            cell = given[self._bare]
            if cell.isascii() and cell.isdigit() and len(cell) >= FEWEST_DIGITS and not self._empty:
                return BareNumber(raw.line, cell)
        row = Row(raw.line, raw.last_line, raw.raw)
        found = self._found(given)
        if not isinstance(found, str):
            ids = (found[place].strip() for place in self._places.get("id", ()))
            row.phones = self._phones.texts(found, next(ids, None))
        return row

    def row(self, raw: FileRow, *, has_phone: bool = False) -> Row:
        """Return what a row says; its reasons are those of cells that cannot be read.

        With `has_phone` its phone is known, and its numbers are left out.
        """
        row = Row(raw.line, raw.last_line, raw.raw)
        found = self._found(raw.cells or ())
        if isinstance(found, str):
            row.reasons = [Reason(None, found)]
            return row
        if self._findings.needs_samples:
            self._findings.sample(found)
        values = row.values
        for name, place in self._texts:
            if cell := cells.parse_text(found[place]).strip():
                values[name] = cell
        self._add_names(values, found)
        self._add_tags(values, found)
        self._add_custom(row, found)
        for place in self._beside:
            if cell := found[place].strip():  # It says more than the country of the number.
                values.setdefault("custom_fields", {})[self._columns[place].name] = cell
        self._add_emails(values, found)
        if not has_phone:
            row.phones = self._phones.texts(found, values.get("id"))
        return row

    def _found(self, given: Sequence[str]) -> Sequence[str] | str:
        """Return a cell for each column, or why there is none."""
        found = given
        if len(found) < self._width:
            found = [*found, *[""] * (self._width - len(found))]
        elif len(found) > self._width:
            if any(cell.strip() for cell in found[self._width :]):
                return f"Has {len(found)} cells, the header has {self._width}."
            found = found[: self._width]
        for place in self._nameless:
            if found[place].strip():
                if place > self._last_named:
                    return f"Has a cell in column {place + 1}, which has no name."
                self._findings.unnamed[place] += 1
        if self._empty:
            found = ["" if cell in self._empty else cell for cell in found]
        return found

    def _text(self, found: Sequence[str], field: str) -> str:
        """Return the first name cell of a field that says something."""
        for place in self._places.get(field, ()):
            cell = cells.parse_text(found[place])
            if cell.strip() in _NO_NAME and not self._exact:
                self._findings.blanks[self._columns[place].name] += 1
            elif cell.strip():
                return cell
        return ""

    def _add_names(self, values: dict[str, Any], found: Sequence[str]) -> None:
        first, last = self._text(found, "first_name"), self._text(found, "last_name")
        if "full_name" in self._places and not (first and last):
            full = self._text(found, "full_name")
            first, last = merge_names(first.strip(), last.strip(), full, has_last=self._has_last)
        if first:
            values["first_name"] = first
        if last:
            values["last_name"] = last

    def _add_tags(self, values: dict[str, Any], found: Sequence[str]) -> None:
        tags: list[str] = []
        for place in self._places.get("tags", ()):
            cell = found[place]
            if not cell:
                continue
            if known := self._tags.get(cell):
                tags += known
            elif cell.strip() in _NO_NAME and not self._exact:
                self._findings.blanks[self._columns[place].name] += 1
            else:
                tags += self._parsed_tags(self._columns[place].name, cell)
        if tags:
            values["tags"] = tags

    def _parsed_tags(self, name: str, cell: str) -> Sequence[str]:
        """Return the tags of a cell; those of cells that nothing is counted of are kept."""
        if self._exact:
            found, is_counted = cells.parse_tags(cell), False
        else:
            found, is_counted = self._split_tags(name, cell)
        if not is_counted and len(cell) <= _MAX_KEPT and len(self._tags) < _MOST_KEPT:
            self._tags[cell] = found
        return found

    def _split_tags(self, name: str, cell: str) -> tuple[list[str], bool]:
        """Return the tags of a cell, and whether the findings count it."""
        found = cells.split_tags(cell, self._separator)
        kept = [tag for tag in found if not tag.startswith(cells.SYSTEM_GROUP)]
        is_counted = len(kept) < len(found)
        if is_counted:
            self._findings.groups[name] += len(found) - len(kept)
        if len(kept) == 1:
            for sign in _LIST_SIGNS:
                if sign in cell and sign != self._separator and '"' not in cell:
                    self._findings.lists[name, sign] += 1
                    return kept, True
        return kept, is_counted

    def _add_custom(self, row: Row, found: Sequence[str]) -> None:
        custom: dict[str, Any] = {}
        reasons = []
        for place, column in self._custom:
            if cell := found[place]:
                try:
                    value = column.value(cell)
                except NotConvertible:
                    reasons.append(Reason(column.name, column.reason))
                    continue
                if value is BLANK:
                    self._findings.blanks[column.name] += 1
                elif value is not None:
                    if is_rounded(cell):
                        self._findings.rounded[column.name] += 1
                    custom[column.key] = value
        if custom:
            row.values["custom_fields"] = custom
        row.reasons = reasons

    def _add_emails(self, values: dict[str, Any], found: Sequence[str]) -> None:
        """Add the first good e-mail address, and the others as custom fields."""
        places = self._places.get("email", [])
        texts: list[str] = []
        for place in places:
            cell = cells.parse_text(found[place]).strip()
            if cell and is_blank(cell):
                self._findings.blanks[self._columns[place].name] += 1
            elif cell:
                texts += [cell] if self._exact else split_cell(cell)
        if not texts:
            return
        if len(texts) > 1:
            texts = list({text.casefold(): text for text in reversed(texts)}.values())[::-1]
            good = next((text for text in texts if is_email(text)), None)
            if good is None:  # Refused as it is written.
                texts = [cells.parse_text(found[places[0]]).strip() or texts[0]]
            else:
                texts.remove(good)
                texts.insert(0, good)
        values["email"] = texts[0]
        add_numbered(values, "email", texts[1:])


def add_numbered(values: dict[str, Any], name: str, texts: Sequence[str]) -> None:
    """Add texts as custom fields `name_2`, `name_3` …, beside those that the row has."""
    if not texts:
        return
    custom = values.setdefault("custom_fields", {})
    number = 2
    for text in texts:
        while f"{name}_{number}" in custom:
            number += 1
        custom[f"{name}_{number}"] = text
