"""What finds the contacts that a filter may hold for, by an index."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.database.text import fold, following
from app.search.conditions import (
    COMPARE,
    FIELD_ID,
    KEYS,
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
class Source:
    """A query by an index for the `contact_id` of all that a condition may hold for.

    `ordered` where they come by rising id, each once; `size` is a query for how many they are,
    where that is kept.
    """

    select: str
    ordered: bool = False
    size: str | None = None


EVERY = Source(
    "SELECT id AS contact_id FROM contacts",
    size="SELECT value FROM counters WHERE name = 'contacts'",
)


_NOTHING = Source("SELECT id AS contact_id FROM contacts WHERE FALSE", size="SELECT 0")


def alternatives(node: Filter, bind: Parameters) -> Iterator[list[Source]]:
    """Yield ways to find what a filter may hold for; each is a union of sources.

    None is yielded where nothing but `EVERY` will do.
    """
    match node:
        case All(parts):
            for part in parts:
                yield from alternatives(part, bind)
        case AnyOf(parts):
            ways = [next(alternatives(part, bind), None) for part in parts]
            if all(ways):
                yield [source for way in ways if way for source in way]
        case Words(prefixes):
            yield from ([_word_sources(prefix, bind) for prefix in prefixes] or [[_NOTHING]])
        case Condition(field, op, value):
            values = value if op == "in" else (value,)
            each = [Condition(field, "eq" if op == "in" else op, value) for value in values]
            sources = [source for one in each if (source := _source(one, bind))]
            if sources:
                yield sources


def _word_sources(prefix: str, bind: Parameters) -> list[Source]:
    low, high = bind.add(prefix), bind.add(following(prefix))
    sources = [
        Source(f"SELECT contact_id FROM contact_words WHERE word >= {low} AND word < {high}")
    ]
    if is_phone(prefix):
        phones = f"SELECT id AS contact_id FROM contacts WHERE {phone_starts_with(prefix, bind)}"
        sources.append(Source(phones))
    return sources


def _source(node: Condition, bind: Parameters) -> Source | None:
    field, op = node.field, node.op
    if field.startswith(CUSTOM):
        return _custom_source(node, bind)
    if field == "tag" and op == "eq":
        name = bind.add(node.value)
        return Source(
            f"SELECT contact_id FROM contact_tags WHERE tag_id = {TAG_ID.format(name)}",
            ordered=True,
            size=f"SELECT contacts FROM tags WHERE name = {name}",
        )
    if (
        field == "tag"
        or op in ("ne", "contains")
        or (field not in KEYS and op == "exists")
        or (op == "exists" and not node.value)
    ):
        return None
    select = f"SELECT id AS contact_id FROM contacts WHERE {_indexed(node, bind)}"
    return Source(select, ordered=op == "eq")


def _indexed(node: Condition, bind: Parameters) -> str:
    if node.field not in KEYS:
        return comparison(node, bind)
    key = f"contacts.{KEYS[node.field]}"
    match node.op:
        case "exists":
            return f"{key} >= ''"
        case "starts_with":
            return starts_with(key, fold(node.value) or "", bind)
    return f"{key} {COMPARE[node.op]} {bind.add(fold(node.value))}"


def _custom_source(node: Condition, bind: Parameters) -> Source | None:
    if node.op == "ne" or (node.op == "exists" and not node.value):
        return None
    key = FIELD_ID.format(bind.add(node.field.removeprefix(CUSTOM)))
    select = f"SELECT contact_id FROM custom_field_values WHERE field_id = {key}"
    if node.op == "exists":
        return Source(select)
    select += f" AND type = '{type_name(node.value)}'"
    if node.op == "starts_with":
        select += f" AND {starts_with('value', node.value, bind)}"
    elif node.op != "contains":
        select += f" AND value {COMPARE[node.op]} {bind.add(node.value)}"
    return Source(select, ordered=node.op == "eq")
