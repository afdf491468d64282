"""Filters as SQL conditions on one row of `contacts`, such as those of a WHERE clause.

Every value becomes a named parameter: `Parameters` collects them and returns their names. The
filter `{"all": [{"field": "last_name", "op": "gt", "value": "M"}, {"field": "tag", "op": "eq",
"value": "VIP"}]}` becomes this, with `p0` = "m" and `p1` = "VIP":

    (((contacts.last_name_key > :p0) IS TRUE) AND ((EXISTS (
        SELECT 1 FROM contact_tags
        WHERE tag_id = (SELECT id FROM tags WHERE name = :p1) AND contact_id = contacts.id
    )) IS TRUE))

`IS TRUE` makes a comparison with a missing value false instead of NULL, so that NOT and `ne` hold
where a field is missing. Names and e-mails have a second column each, folded by `app.database.text`
(no case, no accents), for order, prefixes and parts.
"""

from collections.abc import Iterable, Sequence

from app.contacts.model import FIELD_TYPES
from app.database.interface import FieldValues
from app.database.text import fold, following
from app.search.filters import All, AnyOf, Condition, Filter, Not, Words
from app.search.operands import CUSTOM

KEY_COLUMNS = {"first_name": "first_name_key", "last_name": "last_name_key", "email": "email_key"}
OPERATORS = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_JSON_TYPES = {
    "string": "type = 'text'",
    "number": "type IN ('integer', 'real')",
    "boolean": "type IN ('true', 'false')",
}
_ANY_DATE = (
    "value >= '0' AND value < ':' AND substr(value, 5, 1) = '-' AND substr(value, 8, 1) = '-'"
)
# What is stored otherwise, from before the field was pinned, is no date.
_DATE_FORMS = {
    "date": f"length(value) = 10 AND {_ANY_DATE}",
    "datetime": f"length(value) >= 20 AND substr(value, 11, 1) = 'T' "
    f"AND substr(value, length(value), 1) = 'Z' AND {_ANY_DATE}",
}
TAG_ID = "(SELECT id FROM tags WHERE name = {})"
SEGMENT_ID = "(SELECT id FROM segments WHERE name = {})"
FIELD_ID = "(SELECT id FROM custom_fields WHERE key = {})"
_ID_OF_PHONE = """coalesce(
    (SELECT id FROM contacts WHERE phone = {0}),
    (SELECT contact_id FROM aliases WHERE phone = {0})
)"""


class Parameters:
    """The named parameters of a statement; each added value gets the next name."""

    def __init__(self, field_values: FieldValues) -> None:
        self.values: dict[str, object] = {}
        self.field_values = field_values

    def add(self, value: object) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def all(self, values: Iterable[object]) -> str:
        return ", ".join(map(self.add, values))


def condition_sql(node: Filter, bind: Parameters) -> str:
    """Return the condition, never NULL, that a row of `contacts` matches a filter."""
    match node:
        case All(parts):
            return "(" + " AND ".join(condition_sql(part, bind) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join(condition_sql(part, bind) for part in parts) + ")"
        case Not(part):
            return f"NOT {condition_sql(part, bind)}"
        case Words(()):
            return "FALSE"
        case Words(prefixes):
            return "(" + " AND ".join(_has_word(prefix, bind) for prefix in prefixes) + ")"
        case Condition(field, "ne", value):
            return f"NOT {condition_sql(Condition(field, 'eq', value), bind)}"
        case Condition(field, "in", values):
            return f"(({_one_of(field, values, bind)}) IS TRUE)"
    return f"(({comparison(node, bind)}) IS TRUE)"


def needs_id_only(node: Filter) -> bool:
    """Return whether the condition of a filter reads nothing of a contact but `contacts.id`."""
    match node:
        case All(parts) | AnyOf(parts):
            return all(map(needs_id_only, parts))
        case Not(part):
            return needs_id_only(part)
        case Condition("segment"):
            return True
        case Condition("id" | "phone", op):
            return op != "starts_with"
        case Condition(field, "eq" | "ne"):
            return field == "tag" or field.startswith(CUSTOM)
    return False


def _has_word(prefix: str, bind: Parameters) -> str:
    word = f"instr(contacts.words, {bind.add(' ' + prefix)}) > 0"
    return f"({word} OR {phone_starts_with(prefix, bind)})" if is_phone(prefix) else f"({word})"


def _one_of(field: str, values: Sequence[object], bind: Parameters) -> str:
    """Compare a field with all values in one subquery, which costs less than one for each."""
    if field.startswith(CUSTOM):
        in_json = bind.field_values.in_json
        kinds = {type_name(value) for value in values}
        each = [
            f"{_JSON_TYPES[kind]} AND "
            f"value IN ({bind.all(map(in_json, (v for v in values if type_name(v) == kind)))})"
            for kind in sorted(kinds)
        ]
        key = bind.add(field.removeprefix(CUSTOM))
        entry = f"SELECT 1 FROM json_each(contacts.custom_fields) WHERE key = {key}"
        return f"EXISTS ({entry} AND ({' OR '.join(each)}))"
    if field == "tag":
        tags = "json_each(contacts.document, '$.tags')"
        return f"EXISTS (SELECT 1 FROM {tags} WHERE value IN ({bind.all(values)}))"
    if field == "segment":
        return " OR ".join(_in_segment(value, bind) for value in values)
    if field in ("id", "phone"):
        ids = ", ".join(_ID_OF_PHONE.format(bind.add(value)) for value in values)
        return f"contacts.id IN ({ids})"
    keys = bind.all(fold(str(value)) for value in values)
    text = f"json_extract(contacts.document, '$.{field}')"
    return f"contacts.{KEY_COLUMNS[field]} IN ({keys}) AND {text} IN ({bind.all(values)})"


def comparison(node: Condition, bind: Parameters) -> str:
    """Return one condition, which can be NULL."""
    field, op, value = node.field, node.op, node.value
    if field.startswith(CUSTOM):
        return _custom_condition(node, bind)
    if field == "tag":
        return _tag_condition(node, bind)
    if field == "segment":
        return _in_segment(value, bind)
    if field in ("id", "phone"):
        if op == "starts_with":
            return phone_starts_with(value, bind)
        return f"contacts.id = {_ID_OF_PHONE.format(bind.add(value))}"
    if field in KEY_COLUMNS:
        return _text_condition(node, bind)
    if field == "updated_at":
        return _updated(op, value[:-1], bind)
    return f"contacts.{field} {OPERATORS[op]} {bind.add(value)}"


def _updated(op: str, second: str, bind: Parameters) -> str:
    """Compare `updated_at`, which has a fraction of a second or none, with a whole second."""
    if op == "eq":
        return starts_with("contacts.updated_at", second, bind)
    bound = bind.add(second if op in ("gte", "lt") else following(second))
    return f"contacts.updated_at {'<' if op in ('lt', 'lte') else '>='} {bound}"


def _text_condition(node: Condition, bind: Parameters) -> str:
    """Compare names and e-mails: exactly where equal, else without case and accents."""
    key = f"contacts.{KEY_COLUMNS[node.field]}"
    match node.op:
        case "exists":
            return f"{key} IS NOT NULL" if node.value else f"{key} IS NULL"
        case "contains":
            return f"instr({key}, {bind.add(fold(node.value))}) > 0"
        case "starts_with":
            prefix = bind.add(fold(node.value))
            return f"substr({key}, 1, length({prefix})) = {prefix}"
        case "eq":
            # The folded text first: it needs no JSON parsing.
            return (
                f"{key} = {bind.add(fold(node.value))} AND "
                f"json_extract(contacts.document, '$.{node.field}') = {bind.add(node.value)}"
            )
    return f"{key} {OPERATORS[node.op]} {bind.add(fold(node.value))}"


def _tag_condition(node: Condition, bind: Parameters) -> str:
    if node.op == "exists":
        count = "json_array_length(contacts.document, '$.tags')"
        return f"{count} > 0" if node.value else f"{count} = 0"
    return f"""EXISTS (
        SELECT 1
        FROM contact_tags
        WHERE tag_id = {TAG_ID.format(bind.add(node.value))} AND contact_id = contacts.id
    )"""


def _in_segment(name: object, bind: Parameters) -> str:
    return f"""EXISTS (
        SELECT 1
        FROM segment_members
        WHERE segment_id = {SEGMENT_ID.format(bind.add(name))} AND contact_id = contacts.id
    )"""


def _custom_condition(node: Condition, bind: Parameters) -> str:
    key = bind.add(node.field.removeprefix(CUSTOM))
    if node.op == "eq":
        return f"""EXISTS (
            SELECT 1
            FROM custom_field_values
            WHERE field_id = {FIELD_ID.format(key)}
                AND type = '{type_name(node.value)}'
                AND value = {bind.add(bind.field_values.in_index(node.value))}
                AND contact_id = contacts.id
        )"""
    # `custom_field_values` is not ordered by contact: its JSON is the only place by contact.
    entry = f"SELECT 1 FROM json_each(contacts.custom_fields) WHERE key = {key}"
    if node.type:
        instant = "rtrim(value, 'Z')" if node.type == "datetime" else "value"
        compared = f"{instant} {OPERATORS[node.op]} {bind.add(node.value)}"
        return f"EXISTS ({entry} AND type = 'text' AND {_DATE_FORMS[node.type]} AND {compared})"
    match node.op:
        case "exists":
            return f"EXISTS ({entry})" if node.value else f"NOT EXISTS ({entry})"
        case "contains":
            compared = f"instr(value, {bind.add(node.value)}) > 0"
        case "starts_with":
            prefix = bind.add(node.value)
            compared = f"substr(value, 1, length({prefix})) = {prefix}"
        case _:
            operand = bind.add(bind.field_values.in_json(node.value))
            compared = f"value {OPERATORS[node.op]} {operand}"
    return f"EXISTS ({entry} AND {_JSON_TYPES[type_name(node.value)]} AND {compared})"


def starts_with(column: str, prefix: str, bind: Parameters) -> str:
    """Return a condition on a range, which an index on `column` can answer, unlike LIKE."""
    if not prefix:
        return f"{column} >= ''"
    low, high = bind.add(prefix), bind.add(following(prefix))
    return f"{column} >= {low} AND {column} < {high}"


def phone_starts_with(prefix: str, bind: Parameters) -> str:
    return starts_with("contacts.phone", prefix, bind)


def is_phone(prefix: str) -> bool:
    """Return whether a word of a search can also be the first digits of a phone number."""
    return prefix.isascii() and prefix.isdigit()


def type_name(value: object) -> str:
    """Return the `type` of a value in `custom_field_values`."""
    return FIELD_TYPES[type(value)]
