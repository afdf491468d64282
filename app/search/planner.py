"""Finds a page of contacts for any filter and order, at a cost that does not grow with the store.

SQLite keeps no statistics here, so the planner counts. It asks each index source of a filter how
many contacts it finds, and takes the smallest. Then it reads the page in one of two ways:

- At most `MAX_CANDIDATES` contacts: read, test, count and sort all of them. The total is exact.
- More: scan contacts in the order of the page until it is full. The scan reads at most
  `SCAN_BUDGET` contacts, or fewer where the engine needs longer for each (`contacts_per_scan`). The
  total is unknown unless the scan reaches the end.

Example: `tag=VIP&q=pri` has three plans: the contacts tagged VIP, those with a word that starts
with "pri", and all contacts. If 90,000 are VIP and 40 have such a word, the planner reads the 40
and tests them for the tag. If 20,000 have such a word, it scans all contacts by row id, and stops
at the contact that fills the page.

`conditions` writes the test, `index_sources` the sources, `page_queries` the two kinds of pages.
"""

from dataclasses import dataclass, replace
from typing import Literal

from app.database import Connection
from app.search.conditions import Parameters, condition_sql
from app.search.filters import Condition, Filter, conditions
from app.search.index_sources import ALL_CONTACTS, IndexSource, plans
from app.search.page_queries import (
    FoundContact,
    bind_page,
    end_of_budget,
    read_view,
    scan_in_order,
    sort_candidates,
)
from app.search.paging import Position, Search
from app.search.resolve import resolve
from app.search.views import MAX_PAGE_BYTES

MAX_CANDIDATES = 5_000
SCAN_BUDGET = 100_000
CHEAP_CONDITIONS = 10
"""A filter with more conditions costs more for each contact: its scan has a smaller budget."""


@dataclass(frozen=True)
class Page:
    """Views of contacts, as JSON; `total` is None where counting would cost too much.

    `next` is the position after which a next page begins, None where there is none. A page that
    ended early, by the budget of the scan or by `MAX_PAGE_BYTES`, says so in `ended_by`.
    """

    contacts: list[str]
    total: int | None
    next: Position | None
    ended_by: Literal["budget", "bytes"] | None = None


def search_contacts(db: Connection, search: Search) -> Page:
    """Return a page of the contacts that match a filter. Needs a snapshot.

    Raises `InvalidInput` for a comparison that cannot mean anything.
    """
    if search.filter:
        search = replace(search, filter=resolve(db, search.filter))
    bind = Parameters(db.field_values)
    where = condition_sql(search.filter, bind) if search.filter else ""
    sources, size = _smallest_plan(db, search.filter, bind)
    bind_page(search, _scan_budget(search.filter, db.contacts_per_scan), bind)
    total = _stored_total(db, search.filter)
    if not where:
        return _page(db, search, scan_in_order(db, search, "", None, bind), total)
    if size <= MAX_CANDIDATES and (total is None or search.sort.field):
        return _page(db, search, *sort_candidates(db, search, where, sources, bind))
    [first, *others] = sources
    leading = first if first.ordered and not others and not search.sort.field else None
    found = scan_in_order(db, search, where, leading, bind)
    if len(found) > search.limit:
        return _page(db, search, found, total)
    end = end_of_budget(db, search, leading, bind)
    if not end and not search.after and (found or not search.offset):
        total = search.offset + len(found)
    page = _page(db, search, found, total)
    return page if page.next or not end else replace(page, next=end, ended_by="budget")


def _scan_budget(node: Filter | None, most: int) -> int:
    count = sum(1 for _ in conditions(node)) if node else 0
    return max(1, min(SCAN_BUDGET, most) * CHEAP_CONDITIONS // max(CHEAP_CONDITIONS, count))


def _smallest_plan(
    db: Connection, node: Filter | None, bind: Parameters
) -> tuple[list[IndexSource], int]:
    """Return the plan with the fewest contacts, and how many; counts past the maximum are cut."""
    possible = [*(plans(node, bind) if node else ()), [ALL_CONTACTS]]
    sizes = ", ".join(
        " + ".join(f"coalesce(({source.size or _bounded_count(source)}), 0)" for source in plan)
        for plan in possible
    )
    [row] = db.execute(f"SELECT {sizes}", bind.values)
    size = min(row)
    return possible[row.index(size)], size


def _bounded_count(source: IndexSource) -> str:
    return f"SELECT count(*) FROM ({source.select} LIMIT {MAX_CANDIDATES + 1}) AS found"


def _stored_total(db: Connection, node: Filter | None) -> int | None:
    """Return the number of matches where triggers keep it: of all contacts, and of a tag."""
    match node:
        case None:
            rows = db.execute("SELECT value FROM counters WHERE name = 'contacts'")
        case Condition("tag", "eq", value):
            rows = db.execute("SELECT contacts FROM tags WHERE name = :name", {"name": value})
        case Condition("segment", "eq", value):
            rows = db.execute("SELECT contacts FROM segments WHERE name = :name", {"name": value})
        case _:
            return None
    return int(rows[0][0]) if rows else 0


def _page(db: Connection, search: Search, found: list[FoundContact], total: int | None) -> Page:
    """Make a page of what was found; it ends before a contact that exceeds `MAX_PAGE_BYTES`."""
    wanted = found[: search.limit]
    views = [each.view for each in wanted if each.view is not None]
    if len(views) < len(wanted):
        views = _views_within_bytes(db, search, wanted)
    last = wanted[len(views) - 1] if len(views) < len(found) else None
    position = Position(last.key, last.id) if last else None
    return Page(views, total, position, "bytes" if len(views) < len(wanted) else None)


def _views_within_bytes(db: Connection, search: Search, wanted: list[FoundContact]) -> list[str]:
    """Return the first views, at least one; reads those that exceed their share one by one."""
    views: list[str] = []
    size = 0
    for each in wanted:
        text = each.view or read_view(db, each.id, search.include)
        size += len(text.encode())
        if views and size > MAX_PAGE_BYTES:
            break
        views.append(text)
    return views
