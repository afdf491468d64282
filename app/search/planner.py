"""Lists by any filter and order, at a cost that does not grow with the store.

Where an index finds at most `NARROW` contacts that a filter may hold for, all of them are looked
at, counted and sorted. Else contacts are walked through in the order of the list until the page
is full, `BUDGET` of them at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.database import Connection
from app.search.conditions import KEYS, Parameters, holds
from app.search.filters import Condition, Filter, conditions
from app.search.index_sources import EVERY, Source, alternatives
from app.search.paging import Position, Search, Sort
from app.search.views import view

NARROW = 5_000
BUDGET = 100_000
FEW = 10  # Conditions of a filter; with more of them fewer contacts are looked at.


@dataclass(frozen=True)
class Page:
    """Rendered contacts; `total` is None where counting would cost too much.

    `next` is where the next page begins, if there may be one. A page that is `cut` has looked at
    `BUDGET` contacts and may be short.
    """

    contacts: list[str]
    total: int | None
    next: Position | None
    cut: bool = False


def search_contacts(db: Connection, search: Search) -> Page:
    """Return a page of the contacts that a filter holds for. Needs a snapshot."""
    bind = Parameters()
    where = holds(search.filter, bind) if search.filter else ""
    way, size = _best_way(db, search.filter, bind)
    bind.values |= {"count": search.limit + 1, "offset": search.offset}
    bind.values["budget"] = _budget(search.filter)
    if search.after:
        bind.values |= {"after_key": search.after.key, "after_id": search.after.id}
    total = _kept_total(db, search.filter)
    if not where:
        return _page(search, _walk(db, search, "", None, bind), total)
    if size <= NARROW and (total is None or search.sort.field):
        return _page(search, *_narrow(db, search, where, way, bind))
    [first, *more] = way
    ordered = first if first.ordered and not more and not search.sort.field else None
    rows = _walk(db, search, where, ordered, bind)
    if len(rows) > search.limit:
        return _page(search, rows, total)
    end = _end_of_walk(db, search, ordered, bind)
    if not end and not search.after and (rows or not search.offset):
        total = search.offset + len(rows)
    return replace(_page(search, rows, total), next=end, cut=bool(end))


def _budget(node: Filter | None) -> int:
    """Return how many contacts a walk may look at: fewer where each costs more."""
    asked = sum(1 for _ in conditions(node)) if node else 0
    return max(1, BUDGET * FEW // max(FEW, asked))


def match_contact(db: Connection, phone: str, filters: Sequence[Filter]) -> list[bool]:
    """Return whether each filter holds for the contact of a phone, which must exist."""
    bind = Parameters()
    columns = ", ".join(holds(each, bind) for each in filters)
    parameters = bind.values | {"phone": phone}
    [row] = db.execute(f"SELECT {columns} FROM contacts WHERE phone = :phone", parameters)
    return [bool(each) for each in row]


def _best_way(db: Connection, node: Filter | None, bind: Parameters) -> tuple[list[Source], int]:
    """Return the sources that find the fewest contacts, and how many, counted past `NARROW`."""
    ways = [*(alternatives(node, bind) if node else ()), [EVERY]]
    sizes = ", ".join(
        " + ".join(f"coalesce(({source.size or _bounded_count(source)}), 0)" for source in way)
        for way in ways
    )
    [row] = db.execute(f"SELECT {sizes}", bind.values)
    size = min(row)
    return ways[row.index(size)], size


def _bounded_count(source: Source) -> str:
    return f"SELECT count(*) FROM ({source.select} LIMIT {NARROW + 1})"


def _kept_total(db: Connection, node: Filter | None) -> int | None:
    match node:
        case None:
            rows = db.execute("SELECT value FROM counters WHERE name = 'contacts'")
        case Condition("tag", "eq", value):
            rows = db.execute("SELECT contacts FROM tags WHERE name = :name", {"name": value})
        case _:
            return None
    return int(rows[0][0]) if rows else 0


def _narrow(
    db: Connection, search: Search, where: str, way: list[Source], bind: Parameters
) -> tuple[list[Any], int]:
    key, step, _ = _order(search.sort)
    rows = db.execute(
        f"""
        WITH candidates AS MATERIALIZED (
            SELECT DISTINCT contact_id
            FROM ({" UNION ALL ".join(source.select for source in way)})
        ),
        matched AS MATERIALIZED (
            SELECT contacts.id AS id, {key} AS key
            FROM candidates CROSS JOIN contacts ON contacts.id = candidates.contact_id
            WHERE {where}
        )
        SELECT
            (SELECT count(*) FROM matched),
            page.key,
            page.id,
            (SELECT {view(search.include)} FROM contacts WHERE contacts.id = page.id)
        FROM (SELECT 1) LEFT JOIN (
            SELECT key, id
            FROM matched
            WHERE {_after(search)}
            ORDER BY key IS NULL, key {step}, id {step}
            LIMIT :count OFFSET :offset
        ) AS page
        """,
        bind.values,
    )
    return [row[1:] for row in rows if row[2] is not None], rows[0][0]


def _after(search: Search) -> str:
    if search.after is None:
        return "TRUE"
    than = "<" if search.sort.descending else ">"
    if search.after.key is None:
        return f"key IS NULL AND id {than} :after_id"
    return f"key IS NULL OR (key, id) {than} (:after_key, :after_id)"


def _walk(
    db: Connection, search: Search, where: str, ordered: Source | None, bind: Parameters
) -> list[Any]:
    """Walk through contacts in order; `where` may be empty."""
    walked = _path(search, ordered, ":budget" if where else "-1")
    matched = f"CROSS JOIN contacts ON contacts.id = walked.id WHERE {where}" if where else ""
    return db.execute(
        f"""
        SELECT
            page.key,
            page.id,
            (SELECT {view(search.include)} FROM contacts WHERE contacts.id = page.id)
        FROM (
            SELECT walked.key AS key, walked.id AS id
            FROM ({walked}) AS walked {matched}
            LIMIT :count OFFSET :offset
        ) AS page
        """,
        bind.values,
    )


def _end_of_walk(
    db: Connection, search: Search, ordered: Source | None, bind: Parameters
) -> Position | None:
    """Return where the budget ended a walk, if it did."""
    path = _path(search, ordered, ":budget")
    rows = db.execute(f"SELECT key, id FROM ({path}) LIMIT 1 OFFSET :budget - 1", bind.values)
    return Position(*rows[0]) if rows else None


def _path(search: Search, ordered: Source | None, most: str) -> str:
    """Return a query for the keys and ids of contacts, in order, from where the page begins."""
    if ordered:
        after = "AND contact_id > :after_id" if search.after else ""
        return f"""
            SELECT key, id FROM (
                SELECT contact_id AS key, contact_id AS id
                FROM ({ordered.select})
                WHERE TRUE {after}
                ORDER BY contact_id
                LIMIT {most}
            )
        """
    stretches = " UNION ALL ".join(
        f"""
        SELECT key, id FROM (
            SELECT {key} AS key, contacts.id AS id
            FROM contacts {index}
            WHERE {where}
            ORDER BY {order}
            LIMIT {most}
        )
        """
        for key, index, where, order in _stretches(search)
    )
    return f"{stretches} LIMIT {most}"


def _stretches(search: Search) -> list[tuple[str, str, str, str]]:
    """Return the stretches of an index that follow each other: key, index, condition, order."""
    key, step, nullable = _order(search.sort)
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
    by_id = f"contacts.id {step}"
    return [
        (key, index, where, by_id if "IS NULL" in where else f"{key} {step}, {by_id}")
        for where in found
    ]


def _order(sort: Sort) -> tuple[str, str, bool]:
    """Return what is sorted by, the direction, and whether it may be null."""
    column = KEYS.get(sort.field or "id", sort.field or "id")
    return f"contacts.{column}", "DESC" if sort.descending else "ASC", column in KEYS.values()


_INDEXES = {
    None: "INDEXED BY contacts_by_id",
    "phone": "",
    "first_name": "INDEXED BY contacts_by_first_name",
    "last_name": "INDEXED BY contacts_by_last_name",
    "email": "INDEXED BY contacts_by_email",
    "created_at": "INDEXED BY contacts_by_created_at",
    "updated_at": "INDEXED BY contacts_by_updated_at",
}


def _page(search: Search, rows: list[Any], total: int | None) -> Page:
    shown = rows[: search.limit]
    more = Position(*shown[-1][:2]) if len(rows) > search.limit else None
    return Page([text for _, _, text in shown], total, more)
