"""Filters in SQL: what is true of a row of `contacts` where a filter holds for it."""

from collections.abc import Iterable, Sequence

from app.database.text import fold, following
from app.search.filters import All, AnyOf, Condition, Filter, Not, Words
from app.search.operands import CUSTOM

KEYS = {"first_name": "first_name_key", "last_name": "last_name_key", "email": "email_key"}
COMPARE = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_JSON_TYPES = {
    "string": "type = 'text'",
    "number": "type IN ('integer', 'real')",
    "boolean": "type IN ('true', 'false')",
}
TAG_ID = "(SELECT id FROM tags WHERE name = {})"
FIELD_ID = "(SELECT id FROM custom_fields WHERE key = {})"
_ID_OF_PHONE = """coalesce(
    (SELECT id FROM contacts WHERE phone = {0}),
    (SELECT contact_id FROM aliases WHERE phone = {0})
)"""


class Parameters:
    """The values of a statement, under names of their own."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def all(self, values: Iterable[object]) -> str:
        return ", ".join(map(self.add, values))


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
            return f"(({_one_of(field, values, bind)}) IS TRUE)"
    return f"(({comparison(node, bind)}) IS TRUE)"


def _has_word(prefix: str, bind: Parameters) -> str:
    word = f"instr(contacts.words, {bind.add(' ' + prefix)}) > 0"
    return f"({word} OR {phone_starts_with(prefix, bind)})" if is_phone(prefix) else f"({word})"


def _one_of(field: str, values: Sequence[object], bind: Parameters) -> str:
    """Compare a field once with all values, however many they are."""
    if field.startswith(CUSTOM):
        kinds = {type_name(value) for value in values}
        each = [
            f"{_JSON_TYPES[kind]} AND "
            f"value IN ({bind.all(value for value in values if type_name(value) == kind)})"
            for kind in sorted(kinds)
        ]
        key = bind.add(field.removeprefix(CUSTOM))
        entry = f"SELECT 1 FROM json_each(contacts.custom_fields) WHERE key = {key}"
        return f"EXISTS ({entry} AND ({' OR '.join(each)}))"
    if field == "tag":
        tags = "json_each(contacts.document, '$.tags')"
        return f"EXISTS (SELECT 1 FROM {tags} WHERE value IN ({bind.all(values)}))"
    if field in ("id", "phone"):
        ids = ", ".join(_ID_OF_PHONE.format(bind.add(value)) for value in values)
        return f"contacts.id IN ({ids})"
    keys = bind.all(fold(str(value)) for value in values)
    text = f"json_extract(contacts.document, '$.{field}')"
    return f"contacts.{KEYS[field]} IN ({keys}) AND {text} IN ({bind.all(values)})"


def comparison(node: Condition, bind: Parameters) -> str:
    field, op, value = node.field, node.op, node.value
    if field.startswith(CUSTOM):
        return _custom_condition(node, bind)
    if field == "tag":
        return _tag_condition(node, bind)
    if field in ("id", "phone"):
        if op == "starts_with":
            return phone_starts_with(value, bind)
        return f"contacts.id = {_ID_OF_PHONE.format(bind.add(value))}"
    if field in KEYS:
        return _text_condition(node, bind)
    return f"contacts.{field} {COMPARE[op]} {bind.add(value)}"


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
    return f"{key} {COMPARE[node.op]} {bind.add(fold(node.value))}"


def _tag_condition(node: Condition, bind: Parameters) -> str:
    if node.op == "exists":
        count = "json_array_length(contacts.document, '$.tags')"
        return f"{count} > 0" if node.value else f"{count} = 0"
    return f"""EXISTS (
        SELECT 1
        FROM contact_tags
        WHERE tag_id = {TAG_ID.format(bind.add(node.value))} AND contact_id = contacts.id
    )"""


def _custom_condition(node: Condition, bind: Parameters) -> str:
    key = bind.add(node.field.removeprefix(CUSTOM))
    if node.op == "eq":
        return f"""EXISTS (
            SELECT 1
            FROM custom_field_values
            WHERE field_id = {FIELD_ID.format(key)}
                AND type = '{type_name(node.value)}'
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
            compared = f"value {COMPARE[node.op]} {bind.add(node.value)}"
    return f"EXISTS ({entry} AND {_JSON_TYPES[type_name(node.value)]} AND {compared})"


def starts_with(column: str, prefix: str, bind: Parameters) -> str:
    if not prefix:
        return f"{column} >= ''"
    low, high = bind.add(prefix), bind.add(following(prefix))
    return f"{column} >= {low} AND {column} < {high}"


def phone_starts_with(prefix: str, bind: Parameters) -> str:
    return starts_with("contacts.phone", prefix, bind)


def is_phone(prefix: str) -> bool:
    return prefix.isascii() and prefix.isdigit()


def type_name(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
