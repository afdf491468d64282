"""Finds a page of contacts for any filter and order, at a cost that does not grow with the store.

SQLite keeps no statistics here, so the planner counts. It asks each plan of a filter how many
contacts its index sources find, and takes the cheapest. What the index has not decided is tested,
by an index where the row id is enough, as for a tag, else by reading the contact, which costs
`COST_OF_CONTACT` times as much. The page is read in one of two ways:

- At most `MAX_CANDIDATES` contacts: test, count and sort all of them. The total is exact.
- More: scan contacts in the order of the page until it is full. The scan reads at most
  `SCAN_BUDGET` contacts, or fewer where the engine needs longer for each (`contacts_per_scan`). The
  total is unknown unless the scan reaches the end.

A sort by a field must read each candidate. Where a scan is likely to read much less, and row ids
are enough to test, it is tried first, for as long as it costs no more than the sort.

Example: `tag=VIP&q=pri` has three plans: the contacts tagged VIP, those with a word that starts
with "pri", and all contacts. If 90,000 are VIP and 40 have such a word, the planner takes the 40
and tests them for the tag. If 20,000 have such a word, it scans those tagged VIP by row id, and
stops at the contact that fills the page.

`conditions` writes the test, `index_sources` the sources, `page_queries` the two kinds of pages.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from app.database import Connection
from app.search.conditions import Parameters, needs_id_only
from app.search.filters import Condition, Filter, conditions
from app.search.index_sources import ALL_CONTACTS, IndexSource, Plan, plans
from app.search.page_queries import (
    FoundContact,
    bind_page,
    count_candidates,
    end_of_budget,
    read_view,
    row_test,
    scan_in_order,
    sort_candidates,
)
from app.search.paging import Position, Search
from app.search.resolve import resolve
from app.search.views import MAX_PAGE_BYTES

MAX_CANDIDATES = 5_000
COST_OF_CONTACT = 8  # Reading a contact costs as much as testing this many entries of an index.
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
    total = _stored_total(db, search.filter)
    if not search.filter:
        bind_page(search, 0, bind)
        return _page(db, search, scan_in_order(db, search, None, None, bind), total)
    plan, size, everybody = _cheapest_plan(db, search.filter, bind)
    if size > MAX_CANDIDATES or (total is not None and not search.sort.field):
        return _scanned_page(db, search, plan, total, bind)
    scanned = (search.offset + search.limit) * everybody / max(size, 1)  # If spread evenly.
    rest = row_test(plan.rest, bind)
    if search.sort.field and 2 * scanned < size * COST_OF_CONTACT and needs_id_only(search.filter):
        bind_page(search, min(size * COST_OF_CONTACT, db.contacts_per_scan), bind)
        found = scan_in_order(db, search, row_test(search.filter, bind), None, bind)
        if len(found) > search.limit:
            if total is None:
                total = count_candidates(db, rest, plan.sources, bind)
            return _page(db, search, found, total)
    bind_page(search, 0, bind)
    return _page(db, search, *sort_candidates(db, search, rest, plan.sources, bind))


def _scanned_page(
    db: Connection, search: Search, plan: Plan, total: int | None, bind: Parameters
) -> Page:
    """Return a page from a scan in its order, within the budget."""
    leading = None if search.sort.field else plan.leading
    test = row_test(plan.rest if leading else search.filter, bind)
    bind_page(search, _scan_budget(search.filter, db.contacts_per_scan), bind)
    found = scan_in_order(db, search, test, leading, bind)
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


def _cheapest_plan(db: Connection, node: Filter, bind: Parameters) -> tuple[Plan, int, int]:
    """Return the plan that reads the least, how many contacts it finds, and how many there are.

    Sizes past what is read at most are cut.
    """
    possible = [*plans(node, bind), Plan([ALL_CONTACTS], node)]
    counts = ", ".join(
        " + ".join(f"coalesce(({source.size or _bounded_count(source)}), 0)" for source in each)
        for each in (plan.sources for plan in possible)
    )
    [sizes] = db.execute_planned(f"SELECT {counts}", bind.values)
    costs = [_cost(plan, size) for plan, size in zip(possible, sizes, strict=True)]
    cheapest = costs.index(min(costs))
    return possible[cheapest], sizes[cheapest], sizes[-1]


def _cost(plan: Plan, size: int) -> float:
    if size <= MAX_CANDIDATES:
        return size if not plan.rest or needs_id_only(plan.rest) else size * COST_OF_CONTACT
    # What is too much to sort can lead a scan where it comes in order.
    leads = plan.leading or plan.sources == [ALL_CONTACTS]
    return size * COST_OF_CONTACT if leads else math.inf


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
