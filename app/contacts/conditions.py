"""Filters in SQL: what holds for a contact, and what finds those it may hold for."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.contacts.filters import All, AnyOf, Condition, Filter, Not, Words
from app.contacts.operands import CUSTOM
from app.database.text import fold, following

KEYS = {"first_name": "first_name_key", "last_name": "last_name_key", "email": "email_key"}
_COMPARE = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_JSON_TYPES = {
    "string": "type = 'text'",
    "number": "type IN ('integer', 'real')",
    "boolean": "type IN ('true', 'false')",
}
_TAG = "(SELECT id FROM tags WHERE name = {})"
_FIELD = "(SELECT id FROM custom_fields WHERE key = {})"
_ID_OF_PHONE = """coalesce(
    (SELECT id FROM contacts WHERE phone = {0}),
    (SELECT contact_id FROM aliases WHERE phone = {0})
)"""


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


class Parameters:
    """The values of a statement, under names of their own."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def holds(node: Filter, bind: Parameters) -> str:
    """Return what is true of a row of `contacts` where the filter holds for it."""
    match node:
        case All(parts):
            return "(" + " AND ".join(holds(part, bind) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join(holds(part, bind) for part in parts) + ")"
        case Not(part):
            return f"NOT {holds(part, bind)}"
        case Words(()):
            return "FALSE"
        case Words(prefixes):
            return "(" + " AND ".join(_has_word(prefix, bind) for prefix in prefixes) + ")"
        case Condition(field, "ne", value):
            return f"NOT {holds(Condition(field, 'eq', value), bind)}"
        case Condition(field, "in", values):
            each = [holds(Condition(field, "eq", value), bind) for value in values]
            return "(" + " OR ".join(each) + ")"
    return f"(({_condition(node, bind)}) IS TRUE)"


def _has_word(prefix: str, bind: Parameters) -> str:
    word = f"instr(contacts.words, {bind.add(' ' + prefix)}) > 0"
    return f"({word} OR {_phone_range(prefix, bind)})" if _is_phone(prefix) else f"({word})"


def _condition(node: Condition, bind: Parameters) -> str:
    field, op, value = node.field, node.op, node.value
    if field.startswith(CUSTOM):
        return _custom_condition(node, bind)
    if field == "tag":
        return _tag_condition(node, bind)
    if field in ("id", "phone"):
        if op == "starts_with":
            return _phone_range(value, bind)
        return f"contacts.id = {_ID_OF_PHONE.format(bind.add(value))}"
    if field in KEYS:
        return _text_condition(node, bind)
    return f"contacts.{field} {_COMPARE[op]} {bind.add(value)}"


def _text_condition(node: Condition, bind: Parameters) -> str:
    """Names and e-mails: equal exactly, ordered and searched without case and accents."""
    key = f"contacts.{KEYS[node.field]}"
    match node.op:
        case "exists":
            return f"{key} IS NOT NULL" if node.value else f"{key} IS NULL"
        case "contains":
            return f"instr({key}, {bind.add(fold(node.value))}) > 0"
        case "starts_with":
            prefix = bind.add(fold(node.value))
            return f"substr({key}, 1, length({prefix})) = {prefix}"
        case "eq":
            # The folded text first: it needs no parsing.
            return (
                f"{key} = {bind.add(fold(node.value))} AND "
                f"json_extract(contacts.document, '$.{node.field}') = {bind.add(node.value)}"
            )
    return f"{key} {_COMPARE[node.op]} {bind.add(fold(node.value))}"


def _tag_condition(node: Condition, bind: Parameters) -> str:
    if node.op == "exists":
        count = "json_array_length(contacts.document, '$.tags')"
        return f"{count} > 0" if node.value else f"{count} = 0"
    return f"""EXISTS (
        SELECT 1
        FROM contact_tags
        WHERE tag_id = {_TAG.format(bind.add(node.value))} AND contact_id = contacts.id
    )"""


def _custom_condition(node: Condition, bind: Parameters) -> str:
    key = bind.add(node.field.removeprefix(CUSTOM))
    if node.op == "eq":
        return f"""EXISTS (
            SELECT 1
            FROM custom_field_values
            WHERE field_id = {_FIELD.format(key)}
                AND type = '{_type(node.value)}'
                AND value = {bind.add(node.value)}
                AND contact_id = contacts.id
        )"""
    # The values of one contact stand together in its JSON alone.
    entry = f"SELECT 1 FROM json_each(contacts.custom_fields) WHERE key = {key}"
    match node.op:
        case "exists":
            return f"EXISTS ({entry})" if node.value else f"NOT EXISTS ({entry})"
        case "contains":
            compared = f"instr(value, {bind.add(node.value)}) > 0"
        case "starts_with":
            prefix = bind.add(node.value)
            compared = f"substr(value, 1, length({prefix})) = {prefix}"
        case _:
            compared = f"value {_COMPARE[node.op]} {bind.add(node.value)}"
    return f"EXISTS ({entry} AND {_JSON_TYPES[_type(node.value)]} AND {compared})"


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
    if _is_phone(prefix):
        phones = f"SELECT id AS contact_id FROM contacts WHERE {_phone_range(prefix, bind)}"
        sources.append(Source(phones))
    return sources


def _source(node: Condition, bind: Parameters) -> Source | None:
    field, op = node.field, node.op
    if field.startswith(CUSTOM):
        return _custom_source(node, bind)
    if field == "tag" and op == "eq":
        name = bind.add(node.value)
        return Source(
            f"SELECT contact_id FROM contact_tags WHERE tag_id = {_TAG.format(name)}",
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
        return _condition(node, bind)
    key = f"contacts.{KEYS[node.field]}"
    match node.op:
        case "exists":
            return f"{key} >= ''"
        case "starts_with":
            return _range(key, fold(node.value) or "", bind)
    return f"{key} {_COMPARE[node.op]} {bind.add(fold(node.value))}"


def _custom_source(node: Condition, bind: Parameters) -> Source | None:
    if node.op == "ne" or (node.op == "exists" and not node.value):
        return None
    key = _FIELD.format(bind.add(node.field.removeprefix(CUSTOM)))
    select = f"SELECT contact_id FROM custom_field_values WHERE field_id = {key}"
    if node.op == "exists":
        return Source(select)
    select += f" AND type = '{_type(node.value)}'"
    if node.op == "starts_with":
        select += f" AND {_range('value', node.value, bind)}"
    elif node.op != "contains":
        select += f" AND value {_COMPARE[node.op]} {bind.add(node.value)}"
    return Source(select, ordered=node.op == "eq")


def _range(column: str, prefix: str, bind: Parameters) -> str:
    if not prefix:
        return f"{column} >= ''"
    low, high = bind.add(prefix), bind.add(following(prefix))
    return f"{column} >= {low} AND {column} < {high}"


def _phone_range(prefix: str, bind: Parameters) -> str:
    return _range("contacts.phone", prefix, bind)


def _is_phone(prefix: str) -> bool:
    return prefix.isascii() and prefix.isdigit()


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
