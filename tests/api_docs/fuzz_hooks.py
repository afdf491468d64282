"""Hooks for schemathesis: values for formats, and rules that JSON Schema cannot express."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import phonenumbers
import schemathesis
from hypothesis import strategies as st
from marshmallow import ValidationError
from schemathesis.core.parameters import ParameterLocation

from app.contacts.fields import EMAIL
from app.contacts.model import MAX_INTEGER
from app.database.text import words
from app.search.grammar import MAX_CONDITIONS, MAX_DEPTH, MAX_WORDS
from tests.api_docs import exact_schemas

NUMBERS = sorted(
    {
        f"{number.country_code}{phonenumbers.national_significant_number(number)}"
        for region in ("IN", "US", "GB", "DE", "BR", "MX", "AR", "IT", "FR", "JP")
        for number in [phonenumbers.example_number_for_type(region, 1)]
        if number
    }
)
phones = st.sampled_from(NUMBERS).flatmap(
    lambda digits: st.sampled_from([digits, f"+{digits}", f"00{digits}", f"tel:+{digits}"])
)
schemathesis.openapi.format("phone", phones)
schemathesis.openapi.format(
    "email",
    st.from_regex(r"[a-z][a-z0-9.]{0,10}[a-z0-9]@[a-z]{1,10}\.(com|in|org)", fullmatch=True),
)

schemathesis.openapi.format(
    "uri",
    st.from_regex(
        r"https://[a-z]{1,9}\.(com|in|org)(:(80|443|[2-9][0-9]{3}))?(/[!$-;=?-Z_a-z~]{0,9})?",
        fullmatch=True,
    ),
)


instants = st.builds(
    lambda second, fraction, zone: f"{second:%Y-%m-%dT%H:%M:%S}{fraction}{zone}",
    st.datetimes(datetime(1000, 1, 1), datetime(9998, 1, 1)),
    st.sampled_from(["", "", ".5", ".123456789"]),
    st.sampled_from(["Z", "z", "+05:30", "-11:00"]),
)
schemathesis.openapi.format("date-time", instants)


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, document: dict[str, Any]) -> None:
    """Replace plain schemas by the exact ones."""
    document["components"]["schemas"].update(exact_schemas.FILTERS)
    _make_exact(document["paths"])


def _make_exact(part: Any) -> None:
    """Give the values of custom fields in bodies their types and limits."""
    for each in part if isinstance(part, list) else list(part.values()):
        if isinstance(each, dict) and "propertyNames" in each and "patternProperties" not in each:
            each["additionalProperties"] = exact_schemas.FIELD_VALUE
        if isinstance(each, dict | list):
            _make_exact(each)


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def as_text(_: schemathesis.SerializationContext, value: Any) -> dict[str, bytes]:
    """Send a JSON Lines body as text."""
    return {"data": value if isinstance(value, bytes) else str(value).encode(errors="replace")}


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Skip cases whose validity JSON Schema cannot express."""
    if _is_negative(case):
        if isinstance(case.body, dict) and isinstance(case.body.get("phones"), list):
            return False  # A look-up gives a reason for each bad number, whatever its type.
        return not any(map(_is_tolerated, (case.path_parameters, case.query, case.body)))
    if not isinstance(case.body, dict):
        return True
    return not (_is_odd_email(case.body.get("email")) or _has_odd_phone(case.body.get("filter")))


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, **__: Any) -> None:
    """Adjust a valid case to the rules that JSON Schema cannot express, and do not wait."""
    if case.method == "PUT" and "key" in case.path_parameters and not _has_negative_path(case):
        case.path_parameters = _own_key(case.path_parameters)
    if _is_negative(case):
        return
    if isinstance(case.query, dict):
        case.query = _adjusted(case.query)
    if isinstance(case.body, dict):
        case.body = _adjusted(case.body)
        if "name" in case.path_parameters and "filter" in case.body:
            case.body["filter"] = _without_segments(case.body["filter"])


def _own_key(path: dict[str, Any]) -> dict[str, Any]:
    """Pin a field that no other case uses."""
    return {"key": f"pinned-{sha256(repr(path).encode()).hexdigest()[:9]}"}


def _adjusted(asked: dict[str, Any]) -> dict[str, Any]:
    result = dict(asked)
    if "wait" in asked:
        result["wait"] = 0
    if "cursor" in asked:
        result["cursor"] = "start"  # Other cursors must come from the service.
        result.pop("offset", None)
    if asked.get("tags") is not None:
        result.pop("add_tags", None)
        result.pop("remove_tags", None)
    if asked.get("convert") and not asked.get("type"):
        result.pop("convert")  # There is nothing to convert to.
    if len(found := words(asked.get("q"))) > MAX_WORDS:
        result["q"] = " ".join(found[:MAX_WORDS])
    if "filter" in asked:
        result["filter"] = _pruned(asked["filter"], 1, MAX_CONDITIONS)
    return result


def _pruned(tree: dict[str, Any], depth: int, most: int) -> dict[str, Any]:
    """Cut a filter to `most` conditions of four values each, and to the allowed depth."""
    if "field" in tree:
        value = tree["value"]
        return {**tree, "value": value[:4] if isinstance(value, list) else value}
    if depth == MAX_DEPTH:
        return {"field": "tag", "op": "exists", "value": True}
    [(name, inside)] = tree.items()
    if name == "not":
        return {name: _pruned(inside, depth + 1, most)}
    kept = inside[:most]
    return {name: [_pruned(part, depth + 1, most // len(kept)) for part in kept]}


def _has_odd_phone(tree: Any) -> bool:
    """Return whether a filter compares phone numbers or ids with texts that have no digit.

    A value of one example can be combined with another field.
    """
    if isinstance(tree, list):
        return any(map(_has_odd_phone, tree))
    if not isinstance(tree, dict):
        return False
    if tree.get("field") in ("phone", "id") and "value" in tree:
        values = tree["value"] if isinstance(tree["value"], list) else [tree["value"]]
        return not all(any(map(str.isdigit, str(each))) for each in values)
    return any(map(_has_odd_phone, tree.values()))


def _without_segments(tree: dict[str, Any]) -> dict[str, Any]:
    """Replace conditions on segments: the filter of a segment cannot have them."""
    if tree.get("field") == "segment":
        return {"field": "tag", "op": "exists", "value": True}
    for name in ("all", "any"):
        if name in tree:
            return {name: [_without_segments(part) for part in tree[name]]}
    return {"not": _without_segments(tree["not"])} if "not" in tree else tree


def _is_negative(case: schemathesis.Case) -> bool:
    return bool(case.meta and case.meta.generation.mode.is_negative)


def _has_negative_path(case: schemathesis.Case) -> bool:
    path = case.meta and case.meta.components.get(ParameterLocation.PATH)
    return bool(path and path.mode.is_negative)


def _is_tolerated(value: object) -> bool:
    """Return whether a value is valid once trimmed or without duplicates, or a large float."""
    if isinstance(value, str):
        return value != value.strip()
    if isinstance(value, float):
        return abs(value) > MAX_INTEGER
    if isinstance(value, dict):
        return any(map(_is_tolerated, [*value, *value.values()]))
    if isinstance(value, list):
        return len({repr(each) for each in value}) < len(value) or any(map(_is_tolerated, value))
    return False


def _is_odd_email(value: object) -> bool:
    """Return whether we reject a text of format `email`, such as one with two dots in a row."""
    try:
        return isinstance(value, str) and value != "" and not EMAIL(value)
    except ValidationError:
        return True
