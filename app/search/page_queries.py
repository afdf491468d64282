"""The SQL that reads one page of contacts, in either of two ways.

`sort_candidates` looks up the contacts that index sources find, tests, counts and sorts all of
them, and returns one page. It is exact, and costs as much as there are candidates.

`scan_in_order` reads contacts in the order of the page from an index, tests each, and stops when
the page is full. It needs no sort and no count. For `tag=VIP&custom_fields[score][gt]=10`:

    SELECT scanned.key, scanned.id
    FROM (the contacts tagged VIP, by row id, `:budget` of them at most) AS scanned
    CROSS JOIN contacts ON contacts.id = scanned.id
    WHERE (tagged VIP) AND (score > 10)
    LIMIT :count OFFSET :offset

CROSS JOIN makes SQLite keep this order of the tables (https://sqlite.org/optoverview.html). A test
of tags, segments or equal fields needs only the row id: then no contacts are read but the page's.
Both return rows of sort key, row id and view. They read one contact more than the page has, which
tells whether a next page exists. A view is None where it exceeds its share of a page's bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.database import Connection
from app.search.conditions import KEY_COLUMNS, Parameters, condition_sql, needs_id_only
from app.search.filters import Filter
from app.search.index_sources import IndexSource
from app.search.paging import Position, Search, Sort
from app.search.views import MAX_PAGE_BYTES, view, view_within


class FoundContact(NamedTuple):
    key: str | int | None
    id: int
    view: str | None


class RowTest(NamedTuple):
    """A condition on `contacts`, or on its `id` alone."""

    where: str
    by_id: bool

    def on(self, rows: str, id: str) -> str:
        """Return FROM and WHERE for the rows of `rows`, whose ids are `id`, that match."""
        if self.by_id:
            return f"FROM {rows} WHERE {self.where.replace('contacts.id', id)}"
        return f"FROM {rows} CROSS JOIN contacts ON contacts.id = {id} WHERE {self.where}"


def row_test(node: Filter | None, bind: Parameters) -> RowTest:
    if node is None:
        return RowTest("TRUE", True)
    return RowTest(condition_sql(node, bind), needs_id_only(node))


def bind_page(search: Search, budget: int, bind: Parameters) -> None:
    """Add the parameters that name the page. A scan reads at most `budget` contacts."""
    bind.values |= {"count": search.limit + 1, "offset": search.offset, "budget": budget}
    if search.after:
        bind.values |= {"after_key": search.after.key, "after_id": search.after.id}


def sort_candidates(
    db: Connection, search: Search, test: RowTest, sources: Sequence[IndexSource], bind: Parameters
) -> tuple[list[FoundContact], int]:
    """Return a page of the candidates that match, and how many match in all."""
    key, direction, _ = _order(search.sort)
    id = "candidates.contact_id"
    if search.sort.field:
        test = test._replace(by_id=False)
    elif test.by_id:
        key = id
    rows = db.execute_planned(
        f"""
        WITH {_candidates(sources)},
        matched AS MATERIALIZED (
            SELECT {id} AS id, {key} AS key
            {test.on("candidates", id)}
        )
        SELECT (SELECT count(*) FROM matched), page.key, page.id, ({_view_of_page(search)})
        FROM (SELECT 1) AS one LEFT JOIN (
            SELECT key, id
            FROM matched
            WHERE {_after(search)}
            ORDER BY key IS NULL, key {direction}, id {direction}
            LIMIT :count OFFSET :offset
        ) AS page ON TRUE
        """,
        bind.values,
    )
    return [FoundContact(*row) for _, *row in rows if row[1] is not None], rows[0][0]


def count_candidates(
    db: Connection, test: RowTest, sources: Sequence[IndexSource], bind: Parameters
) -> int:
    """Return how many candidates match."""
    matching = test.on("candidates", "candidates.contact_id")
    [(count,)] = db.execute_planned(
        f"WITH {_candidates(sources)} SELECT count(*) {matching}", bind.values
    )
    return int(count)


def _candidates(sources: Sequence[IndexSource]) -> str:
    found = " UNION ALL ".join(source.select for source in sources)
    return f"candidates AS MATERIALIZED (SELECT DISTINCT contact_id FROM ({found}) AS found)"


def scan_in_order(
    db: Connection,
    search: Search,
    test: RowTest | None,
    leading: IndexSource | None,
    bind: Parameters,
) -> list[FoundContact]:
    """Return a page of contacts. All match where `test` is None; then the budget is ignored.

    `leading` is a source in the order of the page, which makes the scan skip other contacts.
    """
    scanned = f"({_scan(search, leading, ':budget' if test else '-1')}) AS scanned"
    matching = test.on(scanned, "scanned.id") if test else f"FROM {scanned}"
    rows = db.execute_planned(
        f"""
        SELECT page.key, page.id, ({_view_of_page(search)})
        FROM (
            SELECT scanned.key AS key, scanned.id AS id
            {matching}
            LIMIT :count OFFSET :offset
        ) AS page
        """,
        bind.values,
    )
    return [FoundContact(*row) for row in rows]


def end_of_budget(
    db: Connection, search: Search, leading: IndexSource | None, bind: Parameters
) -> Position | None:
    """Return the last contact that the budget of a scan allows, None where it is not used up."""
    scan = _scan(search, leading, ":budget")
    rows = db.execute_planned(
        f"SELECT key, id FROM ({scan}) AS scan LIMIT 1 OFFSET :budget - 1", bind.values
    )
    return Position(*rows[0]) if rows else None


def read_view(db: Connection, id: int, include: frozenset[str]) -> str:
    """Return the view of one contact, however large."""
    [(text,)] = db.execute(f"SELECT {view(include)} FROM contacts WHERE id = :id", {"id": id})
    return str(text)


def _view_of_page(search: Search) -> str:
    shown = view_within(MAX_PAGE_BYTES // search.limit, search.include)
    return f"SELECT {shown} FROM contacts WHERE contacts.id = page.id"


def _after(search: Search) -> str:
    if search.after is None:
        return "TRUE"
    than = "<" if search.sort.descending else ">"
    if search.after.key is None:
        return f"key IS NULL AND id {than} :after_id"
    return f"key IS NULL OR (key, id) {than} (:after_key, :after_id)"


def _scan(search: Search, leading: IndexSource | None, most: str) -> str:
    """Return a query for sort keys and row ids, in order, from where the page begins."""
    if leading:
        after = "AND contact_id > :after_id" if search.after else ""
        return f"""
            SELECT key, id FROM (
                SELECT contact_id AS key, contact_id AS id
                FROM ({leading.select}) AS source
                WHERE TRUE {after}
                ORDER BY contact_id
                LIMIT {most}
            ) AS ordered
        """
    ranges = " UNION ALL ".join(
        f"""
        SELECT key, id FROM (
            SELECT {key} AS key, contacts.id AS id
            FROM contacts {index}
            WHERE {where}
            ORDER BY {order}
            LIMIT {most}
        ) AS ranged
        """
        for key, index, where, order in _index_ranges(search)
    )
    return f"{ranges} LIMIT {most}"


def _index_ranges(search: Search) -> list[tuple[str, str, str, str]]:
    """Return the ranges of an index to read one after the other: key, index, condition, order.

    One condition with OR or with NULLS LAST would make SQLite sort; each range alone is read in
    the order of the index.
    """
    key, direction, nullable = _order(search.sort)
    than = "<" if search.sort.descending else ">"
    index = _INDEXES[search.sort.field]
    nulls = [f"{key} IS NULL"] if nullable else []
    if search.after is None:
        found = [f"{key} >= ''" if nullable else "TRUE", *nulls]
    elif search.after.key is None:
        found = [f"{key} IS NULL AND contacts.id {than} :after_id"]
    elif search.sort.field is None:
        found = [f"contacts.id {than} :after_id"]
    else:
        same = f"{key} = :after_key AND contacts.id {than} :after_id"
        found = [same, f"{key} {than} :after_key", *nulls]
    by_id = f"contacts.id {direction}"
    return [(key, index, where, f"{key} {direction}, {by_id}") for where in found]


def _order(sort: Sort) -> tuple[str, str, bool]:
    """Return the column to sort by, the direction, and whether the column can be null."""
    column = KEY_COLUMNS.get(sort.field or "id", sort.field or "id")
    direction = "DESC" if sort.descending else "ASC"
    return f"contacts.{column}", direction, column in KEY_COLUMNS.values()


_INDEXES = {
    None: "INDEXED BY contacts_by_id",
    "phone": "",
    "first_name": "INDEXED BY contacts_by_first_name",
    "last_name": "INDEXED BY contacts_by_last_name",
    "email": "INDEXED BY contacts_by_email",
    "created_at": "INDEXED BY contacts_by_created_at",
    "updated_at": "INDEXED BY contacts_by_updated_at",
}
