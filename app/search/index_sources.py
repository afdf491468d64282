"""Index sources: queries by an index for all contacts that can match a part of a filter.

A source can find too many contacts, never too few: the condition of the whole filter tests each.
A plan is a list of sources whose union finds all that can match the whole filter:

- of an `all`, each part has a plan, and any one of them is enough;
- of an `any`, one plan is made of a source for each part, if every part has one;
- `not`, `ne` and "does not exist" have none.

For `{"all": [tag eq "VIP", {"any": [email eq "a@x.org", last_name starts_with "Sh"]}]}`, `plans`
yields two: [contacts tagged VIP] and [contacts with the e-mail, contacts with the prefix].
The planner chooses between them by size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.database.text import fold, following
from app.search.conditions import (
    FIELD_ID,
    KEY_COLUMNS,
    OPERATORS,
    SEGMENT_ID,
    TAG_ID,
    Parameters,
    comparison,
    is_phone,
    phone_starts_with,
    starts_with,
    type_name,
)
from app.search.filters import All, AnyOf, Condition, Filter, Words
from app.search.operands import CUSTOM


@dataclass(frozen=True)
class IndexSource:
    """`select` is a query by an index for the `contact_id` of all contacts that can match.

    `ordered` says that each contact comes once, by rising id. `size` is a query for a number that
    triggers keep, where there is one; without it the rows must be counted.
    """

    select: str
    ordered: bool = False
    size: str | None = None


ALL_CONTACTS = IndexSource(
    "SELECT id AS contact_id FROM contacts",
    size="SELECT value FROM counters WHERE name = 'contacts'",
)
_NO_CONTACT = IndexSource("SELECT id AS contact_id FROM contacts WHERE FALSE", size="SELECT 0")


def plans(node: Filter, bind: Parameters) -> Iterator[list[IndexSource]]:
    """Yield the plans of a filter, none where only `ALL_CONTACTS` finds all that can match."""
    match node:
        case All(parts):
            for part in parts:
                yield from plans(part, bind)
        case AnyOf(parts):
            firsts = [next(plans(part, bind), None) for part in parts]
            if all(firsts):
                yield [source for plan in firsts if plan for source in plan]
        case Words(prefixes):
            yield from ([_word_sources(prefix, bind) for prefix in prefixes] or [[_NO_CONTACT]])
        case Condition(field, "in", values):
            yield from plans(AnyOf(tuple(Condition(field, "eq", each) for each in values)), bind)
        case Condition():
            if source := _source(node, bind):
                yield [source]


def _word_sources(prefix: str, bind: Parameters) -> list[IndexSource]:
    low, high = bind.add(prefix), bind.add(following(prefix))
    sources = [
        IndexSource(f"SELECT contact_id FROM contact_words WHERE word >= {low} AND word < {high}")
    ]
    if is_phone(prefix):
        phones = f"SELECT id AS contact_id FROM contacts WHERE {phone_starts_with(prefix, bind)}"
        sources.append(IndexSource(phones))
    return sources


def _source(node: Condition, bind: Parameters) -> IndexSource | None:
    if node.op == "ne" or (node.op == "exists" and not node.value):
        return None
    if node.field.startswith(CUSTOM):
        return _custom_source(node, bind)
    if node.field == "tag":
        return _tag_source(node.value, bind) if node.op == "eq" else None
    if node.field == "segment":
        return _segment_source(node.value, bind)
    if node.op == "contains":
        return None
    select = f"SELECT id AS contact_id FROM contacts WHERE {_indexed(node, bind)}"
    return IndexSource(select, ordered=node.op == "eq")


def _tag_source(name: str, bind: Parameters) -> IndexSource:
    given = bind.add(name)
    return IndexSource(
        f"SELECT contact_id FROM contact_tags WHERE tag_id = {TAG_ID.format(given)}",
        ordered=True,
        size=f"SELECT contacts FROM tags WHERE name = {given}",
    )


def _segment_source(name: str, bind: Parameters) -> IndexSource:
    given = bind.add(name)
    return IndexSource(
        f"SELECT contact_id FROM segment_members WHERE segment_id = {SEGMENT_ID.format(given)}",
        ordered=True,
        size=f"SELECT contacts FROM segments WHERE name = {given}",
    )


def _indexed(node: Condition, bind: Parameters) -> str:
    """Return a condition on an indexed column: the folded one for names and e-mails."""
    if node.field not in KEY_COLUMNS:
        return comparison(node, bind)
    key = f"contacts.{KEY_COLUMNS[node.field]}"
    match node.op:
        case "exists":
            return f"{key} >= ''"
        case "starts_with":
            return starts_with(key, fold(node.value) or "", bind)
    return f"{key} {OPERATORS[node.op]} {bind.add(fold(node.value))}"


def _custom_source(node: Condition, bind: Parameters) -> IndexSource:
    key = FIELD_ID.format(bind.add(node.field.removeprefix(CUSTOM)))
    select = f"SELECT contact_id FROM custom_field_values WHERE field_id = {key}"
    if node.op == "exists":
        return IndexSource(select)
    select += f" AND type = '{type_name(node.value)}'"
    if node.type:
        # All values of the same day or second too: with a fraction they sort otherwise.
        same = node.value[: 10 if node.type == "date" else 19]
        is_after = node.op in ("gt", "gte")
        part = f">= {bind.add(same)}" if is_after else f"< {bind.add(same + '[')}"
        return IndexSource(f"{select} AND value {part}")
    if node.op == "starts_with":
        select += f" AND {starts_with('value', bind.field_values.prefix(node.value), bind)}"
    elif node.op != "contains":
        operator, bound = bind.field_values.bound(OPERATORS[node.op], node.value)
        select += f" AND value {operator} {bind.add(bound)}"
    return IndexSource(select, ordered=node.op == "eq")
