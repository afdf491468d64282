"""Exports contacts as CSV or JSON Lines, page by page: no writer waits, and memory is bounded."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.custom_fields.handlers import list_keys
from app.database import Database
from app.search.paging import Search
from app.search.planner import search_contacts
from app.transfer import cells

PAGE = 250
_TEXTS = ("id", "phone", "first_name", "last_name", "email")
_EVERYTHING = frozenset({"custom_fields", "updated_at"})


def export(db: Database, search: Search, format: str) -> Iterator[tuple[str, int]]:
    """Yield the parts of a file, and the number of contacts in each.

    A contact that changes during the export is in it as it is when its page is read. The columns
    of a CSV file are the custom fields that exist at the start.
    """
    if format == "jsonl":
        for page in _pages(db, search):
            yield "".join(f"{view}\n" for view in page), len(page)
        return
    keys = list_keys(db)
    yield cells.record([*_TEXTS, "tags", "created_at", "updated_at", *_columns(keys)]), 0
    for page in _pages(db, search):
        yield "".join(_record(json.loads(view), keys) for view in page), len(page)


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


def _columns(keys: Sequence[str]) -> Iterator[str]:
    return (f"custom_fields.{key}" for key in keys)


def _record(view: dict[str, Any], keys: Sequence[str]) -> str:
    fields = view["custom_fields"]
    return cells.record(
        [
            *(cells.text(view[name]) for name in _TEXTS),
            cells.tags(view["tags"]),
            view["created_at"],
            view["updated_at"],
            *(cells.value(fields[key]) if key in fields else "" for key in keys),
        ]
    )
