"""Exports contacts as a file, page by page: no writer waits, and memory is bounded."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.contacts.model import FieldValue
from app.custom_fields.handlers import list_keys
from app.database.interface import Database
from app.errors import InvalidInput
from app.search.paging import Search
from app.search.planner import search_contacts
from app.search.resolve import resolve
from app.transfer import cells, vcard_writer
from app.transfer.mapping import untyped
from app.transfer.xlsx_writer import Cell, XlsxWriter

PAGE = 250
_TEXTS = ("id", "phone", "first_name", "last_name", "email")
_EVERYTHING = frozenset({"custom_fields", "updated_at", "aliases"})

Part = tuple[bytes, int]  # Bytes of a file, and the number of contacts in them.


def export(db: Database, search: Search, format: str) -> Iterator[Part]:
    """Yield the parts of a file in one of `formats.FORMATS`.

    A contact that changes during the export is in it as it is when its page is read. The columns
    of a table are the custom fields that exist at the start. Relative dates count from the start.
    Raises `InvalidInput` where a sheet has too few columns, or the filter cannot mean anything.
    """
    if search.filter:
        search = replace(search, filter=resolve(db.connection(), search.filter))
    return _WRITERS[format](db, _pages(db, search))


def _csv(db: Database, pages: Iterator[Sequence[str]]) -> Iterator[Part]:
    keys = list_keys(db)
    yield cells.record(_header(keys)).encode(), 0
    for page in pages:
        rows = (cells.record(_cells(json.loads(view), keys)) for view in page)
        yield "".join(rows).encode(), len(page)


def _jsonl(_: Database, pages: Iterator[Sequence[str]]) -> Iterator[Part]:
    for page in pages:
        yield "".join(f"{view}\n" for view in page).encode(), len(page)


def _vcf(_: Database, pages: Iterator[Sequence[str]]) -> Iterator[Part]:
    for page in pages:
        yield "".join(vcard_writer.card(json.loads(view)) for view in page).encode(), len(page)


def _xlsx(db: Database, pages: Iterator[Sequence[str]]) -> Iterator[Part]:
    keys = list_keys(db)
    try:
        writer = XlsxWriter(_header(keys))
    except ValueError as error:
        reason = f"There are too many custom fields, {error}: export csv or jsonl."
        raise InvalidInput({"format": [reason]}) from None
    for page in pages:
        yield writer.rows([_typed_cells(json.loads(view), keys) for view in page]), len(page)
    yield writer.end(), 0


_WRITERS: dict[str, Callable[[Database, Iterator[Sequence[str]]], Iterator[Part]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "vcf": _vcf,
    "xlsx": _xlsx,
}


def _pages(db: Database, search: Search) -> Iterator[Sequence[str]]:
    """Yield pages of full views as JSON, each read in its own snapshot."""
    search = replace(search, limit=PAGE, include=_EVERYTHING)
    while True:
        with db.snapshot() as snapshot:
            page = search_contacts(snapshot, search)
        yield page.contacts
        if page.next is None:
            return
        search = replace(search, after=page.next)


def _header(keys: Sequence[str]) -> list[str]:
    # A key such as `age:number` would name a type.
    names = map(untyped, keys)
    fields = (f"custom_fields.{key}" for key in names)
    return [*_TEXTS, "tags", "created_at", "updated_at", "aliases", *fields]


def _cells(view: dict[str, Any], keys: Sequence[str]) -> list[str]:
    fields = view["custom_fields"]
    return [
        *(cells.text(view[name]) for name in _TEXTS),
        cells.tags(view["tags"]),
        view["created_at"],
        view["updated_at"],
        ";".join(view["aliases"]),
        *(cells.value(fields[key]) if key in fields else "" for key in keys),
    ]


def _typed_cells(view: dict[str, Any], keys: Sequence[str]) -> list[Cell]:
    """Return the cells of a CSV file, with numbers and booleans as such."""
    fields = view["custom_fields"]
    found: list[Cell] = [*_cells(view, ())]
    for key in keys:
        value = fields.get(key)
        found.append(value if _is_kept_by_spreadsheets(value) else cells.value(value))
    return found


def _is_kept_by_spreadsheets(value: FieldValue | None) -> bool:
    """Return whether a value comes back as it was: 15 digits of a number are kept and shown."""
    if isinstance(value, float):
        shown = f"{value:.15g}"
        return abs(value) < 1e15 and shown in (repr(value), repr(value).removesuffix(".0"))
    return isinstance(value, bool) or (isinstance(value, int) and float(f"{value:.15g}") == value)
