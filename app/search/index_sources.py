"""Index sources: queries by an index for all contacts that can match a part of a filter.

A source can find too many contacts, never too few. A plan is a list of sources whose union finds
all that can match the whole filter, and the rest of the filter, which tests each:

- of an `all`, each part has a plan, any one of them is enough, and the other parts are the rest;
- of an `any`, one plan is made of a source for each part, if every part has one;
- `not`, `ne` and "does not exist" have none.

For `{"all": [tag eq "VIP", {"any": [email eq "a@x.org", last_name starts_with "Sh"]}]}`, `plans`
yields two: contacts tagged VIP, of which the `any` is tested, and contacts with the e-mail or the
prefix, of which both are: the index of e-mails knows no case. The planner chooses by size.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

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
    triggers keep, where there is one; without it the rows must be counted. `is_exact` says that all
    contacts that it finds match.
    """

    select: str
    ordered: bool = False
    size: str | None = None
    is_exact: bool = True


@dataclass(frozen=True)
class Plan:
    """Sources for all contacts that can match, and what each must match, None for nothing."""

    sources: list[IndexSource]
    rest: Filter | None = None

    @property
    def leading(self) -> IndexSource | None:
        """Return the source that finds each contact once, by rising id."""
        return self.sources[0] if len(self.sources) == 1 and self.sources[0].ordered else None


ALL_CONTACTS = IndexSource(
    "SELECT id AS contact_id FROM contacts",
    size="SELECT value FROM counters WHERE name = 'contacts'",
)
_NO_CONTACT = IndexSource("SELECT id AS contact_id FROM contacts WHERE FALSE", size="SELECT 0")


def plans(node: Filter, bind: Parameters) -> Iterator[Plan]:
    """Yield the plans of a filter, none where only `ALL_CONTACTS` finds all that can match."""
    match node:
        case All(parts):
            for index, part in enumerate(parts):
                for plan in plans(part, bind):
                    yield replace(plan, rest=_all((plan.rest, *parts[:index], *parts[index + 1 :])))
        case AnyOf(parts):
            yield from _union(node, [next(plans(part, bind), None) for part in parts])
        case Words(prefixes):
            yield from _word_plans(prefixes, bind)
        case Condition(field, "in", values):
            equal = AnyOf(tuple(Condition(field, "eq", value) for value in values))
            yield from (replace(each, rest=each.rest and node) for each in plans(equal, bind))
        case Condition():
            if source := _source(node, bind):
                yield Plan([source], None if source.is_exact else node)


def _union(node: AnyOf, of_parts: list[Plan | None]) -> Iterator[Plan]:
    found = [plan for plan in of_parts if plan]
    if len(found) == len(of_parts):
        sources = [source for plan in found for source in plan.sources]
        yield Plan(sources, node if any(plan.rest for plan in found) else None)


def _word_plans(prefixes: tuple[str, ...], bind: Parameters) -> Iterator[Plan]:
    if not prefixes:
        yield Plan([_NO_CONTACT])
    for index, prefix in enumerate(prefixes):
        others = prefixes[:index] + prefixes[index + 1 :]
        yield Plan(_word_sources(prefix, bind), Words(others) if others else None)


def _all(parts: Iterable[Filter | None]) -> Filter | None:
    given = tuple(part for part in parts if part)
    return given[0] if len(given) == 1 else All(given) if given else None


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
    # The indexes of names and e-mails know no case, and no accents.
    is_exact = node.op != "eq" or node.field not in KEY_COLUMNS
    by_id = node.op == "eq" and node.field != "updated_at"
    return IndexSource(select, ordered=by_id, is_exact=is_exact)


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
        return IndexSource(f"{select} AND value {part}", is_exact=False)
    if node.op == "contains":
        return IndexSource(select, is_exact=False)
    forms = bind.field_values
    if node.op == "starts_with":
        prefix = forms.prefix(node.value)
        select += f" AND {starts_with('value', prefix, bind)}"
        return IndexSource(select, is_exact=prefix == node.value)
    operator, bound = forms.bound(OPERATORS[node.op], node.value)
    select += f" AND value {operator} {bind.add(bound)}"
    is_exact = node.op == "eq" or bound == forms.in_json(node.value)
    return IndexSource(select, ordered=node.op == "eq", is_exact=is_exact)
