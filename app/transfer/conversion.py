"""Converts the cells of a row to what they say of a contact, by the layout of the file."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from app.contacts.fields import EMAIL
from app.contacts.model import FieldValue
from app.contacts.values import NOUNS, NotConvertible, convert
from app.search.operands import CUSTOM
from app.transfer import cells
from app.transfer.columns import MAPPED, NAMED, Column, Layout
from app.transfer.findings import Findings
from app.transfer.mapping import ANY
from app.transfer.names import merge_names
from app.transfer.phone_cells import is_blank
from app.transfer.phone_columns import PhoneColumns
from app.transfer.rows import FileRow, Reason, Row
from app.web import fields

_TEXTS = ("id", "created_at", "updated_at", "aliases")
_LIST_SIGNS = (";", ",", "|")
_EMAILS = re.compile(r"[;,\s]+|:::")
# Names of people are among the words of `is_blank`: Nan, Na, Null.
_NO_NAME = {"-", "--", "---", "—", "–", "?", ".", "n/a", "N/A", "#N/A", "null", "NULL", "none"}
_NO_NAME |= {"None", "(null)", "<null>", "\\N"}
_NO_VALUE = {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "NULL", "null", "\\N", "(null)"}
_NO_VALUE |= {"n/a", "N/A", "-", "--", "—"}
_LONGEST_BLANK = 12


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
        self._phones = PhoneColumns(layout)

    def phones(self, raw: FileRow) -> Row:
        """Return the phone numbers of a row, and nothing else that it says."""
        row = Row(raw.line, raw.last_line, raw.raw)
        found = self._found(raw.cells or [])
        if not isinstance(found, str):
            ids = (found[place].strip() for place in self._places.get("id", ()))
            row.phones = self._phones.texts(found, next(ids, None))
        return row

    def row(self, raw: FileRow) -> Row:
        """Return what a row says; its reasons are those of cells that cannot be read."""
        row = Row(raw.line, raw.last_line, raw.raw)
        found = self._found(raw.cells or [])
        if isinstance(found, str):
            row.reasons = [Reason(None, found)]
            return row
        self._findings.sample(found)
        values, reasons = row.values, []
        for name in _TEXTS:
            for place in self._places.get(name, ()):
                if cell := cells.parse_text(found[place]).strip():
                    values[name] = cell
        self._add_names(values, found)
        self._add_tags(values, found)
        for place in self._places.get("custom_fields", ()):
            if cell := found[place]:
                reasons += self._add_custom(values, self._columns[place], cell)
        for place in self._places.get("country", ()):
            if cell := found[place].strip():  # It says more than the country of the number.
                values.setdefault("custom_fields", {})[self._columns[place].name] = cell
        self._add_emails(values, found)
        row.phones = self._phones.texts(found, values.get("id"))
        row.reasons = reasons
        return row

    def _found(self, given: Sequence[str]) -> list[str] | str:
        """Return a cell for each column, or why there is none."""
        found = list(given)
        if len(found) < self._width:
            found += [""] * (self._width - len(found))
        elif len(found) > self._width:
            if any(cell.strip() for cell in found[self._width :]):
                return f"Has {len(found)} cells, the header has {self._width}."
            del found[self._width :]
        for place in self._places.get("", ()):
            if found[place].strip() and not self._columns[place].name:
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
            if self._exact:
                tags += cells.parse_tags(cell)
            elif cell.strip() in _NO_NAME:
                self._findings.blanks[self._columns[place].name] += 1
            else:
                tags += self._split_tags(self._columns[place].name, cell)
        if tags:
            values["tags"] = tags

    def _split_tags(self, name: str, cell: str) -> list[str]:
        found = cells.split_tags(cell, self._separator)
        kept = [tag for tag in found if not tag.startswith(cells.SYSTEM_GROUP)]
        if len(kept) < len(found):
            self._findings.groups[name] += len(found) - len(kept)
        if len(kept) == 1:
            for sign in _LIST_SIGNS:
                if sign in cell and sign != self._separator and '"' not in cell:
                    self._findings.lists[name, sign] += 1
                    break
        return kept

    def _add_custom(self, values: dict[str, Any], column: Column, cell: str) -> list[Reason]:
        key = column.field.removeprefix(CUSTOM)
        if len(cell) < _LONGEST_BLANK and not self._exact and cell.strip() in _NO_VALUE:
            self._findings.blanks[column.name] += 1
            return []
        if cell.isspace() or (not cell.isascii() and fields.is_blank(cell)):
            return []
        marked = None if self._exact else cells.spreadsheet_text(cell)
        if marked == "":
            return []
        type_ = column.type or self._required.get(key)
        value: FieldValue | None
        try:
            if type_ and type_ != ANY:
                value = convert(marked or cells.parse_string(cell), type_)
            elif marked:
                value = marked
            elif column.source in (NAMED, MAPPED):
                value = cells.parse_value(cell)
            else:
                value = cells.parse_bare(cells.parse_text(cell))
        except NotConvertible:
            return [Reason(column.name, f"Must be {NOUNS[str(type_)]}.")]
        values.setdefault("custom_fields", {})[key] = value
        return []

    def _add_emails(self, values: dict[str, Any], found: Sequence[str]) -> None:
        """Add the first good e-mail address, and the others as custom fields."""
        places = self._places.get("email", [])
        texts: list[str] = []
        for place in places:
            cell = cells.parse_text(found[place]).strip()
            if cell and is_blank(cell):
                self._findings.blanks[self._columns[place].name] += 1
            elif cell:
                texts += [cell] if self._exact else [part for part in _EMAILS.split(cell) if part]
        texts = list(dict.fromkeys(texts))
        if not texts:
            return
        if len(texts) > 1:
            good = next((text for text in texts if _is_email(text)), None)
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


def _is_email(text: str) -> bool:
    try:
        EMAIL(text)
    except ValidationError:
        return False
    return True
