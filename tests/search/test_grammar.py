"""Parsing of filters: trees, parameters and word searches, and the path of each error."""

from typing import Any

import pytest
from marshmallow import ValidationError

from app.search.filters import All, AnyOf, Condition, Not, Words, conditions
from app.search.grammar import condition, parse_parameter, parse_tree, parse_words
from app.search.operands import instant

VIP = {"field": "tag", "op": "eq", "value": "VIP"}
IS_VIP = Condition("tag", "eq", "VIP")


def error_of(tree: object) -> Any:
    with pytest.raises(ValidationError) as caught:
        parse_tree(tree)
    return caught.value.messages


def test_parses_a_tree() -> None:
    tree = {"all": [VIP, {"any": [VIP, {"not": VIP}]}]}
    parsed = parse_tree(tree)
    assert parsed == All((IS_VIP, AnyOf((IS_VIP, Not(IS_VIP)))))
    assert list(conditions(parsed)) == [IS_VIP] * 3


@pytest.mark.parametrize(
    ("field", "op", "given", "kept"),
    [
        ("tag", "eq", " VIP ", "VIP"),
        ("tag", "in", ["a", "b"], ("a", "b")),
        ("tag", "exists", False, False),
        ("id", "eq", "cnt_918856879188", "918856879188"),
        ("id", "ne", "+91 88568-79188", "918856879188"),
        ("phone", "eq", "+91 (0) 88568 79188", "918856879188"),
        ("phone", "starts_with", "+91 88", "9188"),
        ("phone", "starts_with", "0091", "91"),
        ("first_name", "gte", "M", "M"),
        ("email", "contains", "@x.org", "@x.org"),
        ("created_at", "gte", "2026-06-02T08:00:00Z", "2026-06-02T08:00:00Z"),
        ("created_at", "lt", "2026-06-02T10:00:00+02:00", "2026-06-02T08:00:00Z"),
        ("custom_fields.score", "gt", 1.5, 1.5),
        ("custom_fields.a.b", "eq", " kept ", " kept "),
        ("custom_fields.ok", "eq", True, True),
        ("custom_fields.ok", "in", [True, 1, "1"], (True, 1, "1")),
    ],
)
def test_normalises_values(field: str, op: str, given: object, kept: object) -> None:
    node = parse_tree({"field": field, "op": op, "value": given})
    assert isinstance(node, Condition)
    assert (node.field, node.op, node.value) == (field, op, kept)
    assert type(node.value) is type(kept)


@pytest.mark.parametrize(
    ("tree", "place", "words"),
    [
        ([], (), "Must be a condition"),
        ({}, (), "Must be a condition"),
        ("x", (), "Must be a condition"),
        ({"all": []}, ("all",), "array of 1 to 50"),
        ({"any": VIP}, ("any",), "array of 1 to 50"),
        ({"not": [VIP]}, ("not",), "Must be a condition"),
        ({"all": [VIP], "any": [VIP]}, (), "must be the only key"),
        ({"all": [VIP, {"not": {"field": "tag"}}]}, ("all", "1", "not", "op"), "Required"),
        ({**VIP, "extra": 1}, ("extra",), "Unknown"),
        ({**VIP, "field": "fist_name"}, ("field",), "did you mean first_name?"),
        ({**VIP, "field": "plan"}, ("field",), "did you mean custom_fields.plan?"),
        ({**VIP, "field": 1}, ("field",), "as a string"),
        ({**VIP, "field": "custom_fields."}, ("field",), "A key has"),
        ({**VIP, "field": "custom_fields.a[b]"}, ("field",), "none of them"),
        ({**VIP, "op": "gt"}, ("op",), "use one of eq, ne, exists, in"),
        ({**VIP, "op": None}, ("op",), "use one of"),
        ({**VIP, "op": ["eq"]}, ("op",), "use one of"),
        ({**VIP, "value": ""}, ("value",), "Must not be empty"),
        ({**VIP, "value": None}, ("value",), "Must be a string"),
        ({**VIP, "op": "exists"}, ("value",), "true or false"),
        ({**VIP, "op": "in"}, ("value",), "array of 1 to 100"),
        ({**VIP, "op": "in", "value": []}, ("value",), "array of 1 to 100"),
        ({"field": "phone", "op": "eq", "value": "0123"}, ("value",), "Country code"),
        ({"field": "phone", "op": "starts_with", "value": "abc"}, ("value",), "leading digits"),
        ({"field": "phone", "op": "starts_with", "value": "9" * 65}, ("value",), "leading digits"),
        ({"field": "created_at", "op": "lt", "value": "2026"}, ("value",), "a date and time"),
        (
            {"field": "created_at", "op": "lt", "value": "2026-02-30T00:00:00Z"},
            ("value",),
            "does not exist",
        ),
        ({"field": "created_at", "op": "lt", "value": "2026-01-01T00:00:00"}, ("value",), "zone"),
        (
            {"field": "created_at", "op": "lt", "value": "0001-01-01T00:00:00+10:00"},
            ("value",),
            "no",
        ),
        ({"field": "custom_fields.x", "op": "gt", "value": True}, ("value",), "no order"),
        ({"field": "custom_fields.x", "op": "eq", "value": None}, ("value",), "exists"),
        ({"field": "custom_fields.x", "op": "eq", "value": []}, ("value",), "a string, a number"),
        ({"field": "custom_fields.x", "op": "eq", "value": 2**60}, ("value",), "2\\^53"),
        (
            {"field": "custom_fields.x", "op": "contains", "value": 1},
            ("value",),
            "Must be a string",
        ),
        ({"field": "custom_fields.x", "op": "contains", "value": ""}, ("value",), "use exists"),
        ({"field": "custom_fields.x", "op": "eq", "value": ""}, ("value",), "use exists"),
        ({"field": "custom_fields.x", "op": "ne", "value": " "}, ("value",), "use exists"),
        ({"field": "custom_fields.x", "op": "gt", "value": "\u200b"}, ("value",), "use exists"),
        ({"field": "custom_fields.x", "op": "in", "value": ["a", ""]}, ("value",), "use exists"),
    ],
)
def test_reports_the_path_of_an_error(tree: object, place: tuple[str, ...], words: str) -> None:
    found = error_of(tree)
    for name in place:
        found = found[name]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found)


def test_reports_all_errors_of_a_tree() -> None:
    found = error_of({"all": [{"field": "x", "op": "eq", "value": 1}, VIP, {"not": {}}]})
    assert list(found["all"]) == ["0", "2"]


@pytest.mark.parametrize("field", ["first_name", "email", "tag"])
def test_rejects_values_longer_than_any_text(field: str) -> None:
    longest = {"field": field, "op": "eq", "value": "x" * 255}
    assert parse_tree(longest)
    assert "255 characters" in str(error_of({**longest, "value": "x" * 256}))


def test_does_not_parse_a_tree_that_is_too_large() -> None:
    unknown = {"field": "x", "op": "eq", "value": 0}
    number = {"field": "phone", "op": "in", "value": ["no phone"] * 100}
    for leaf in (unknown, number, None):
        [message] = error_of({"any": [{"not": {"any": [leaf] * 30}}] * 30})
        assert message == "A filter has at most 50 conditions with 200 values."


def test_limits_depth_and_size() -> None:
    deep: Any = VIP
    for _ in range(7):
        deep = {"not": deep}
    assert parse_tree(deep)
    assert "8 deep" in str(error_of({"not": deep}))
    assert parse_tree({"all": [{"any": [VIP] * 25}] * 2})
    assert "50 conditions" in str(error_of({"all": [{"any": [VIP] * 26}] * 2}))
    many = {"field": "tag", "op": "in", "value": ["x"] * 67}
    assert "200 values" in str(error_of({"all": [many] * 3}))


@pytest.mark.parametrize(
    ("op", "text", "expected"),
    [
        ("eq", "pro", Condition("custom_fields.x", "eq", "pro")),
        ("eq", "10", Condition("custom_fields.x", "in", ("10", 10))),
        ("eq", "1e1", Condition("custom_fields.x", "in", ("1e1", 10.0))),
        ("eq", "1e999", Condition("custom_fields.x", "eq", "1e999")),
        ("eq", "007", Condition("custom_fields.x", "eq", "007")),
        ("eq", "true", Condition("custom_fields.x", "in", ("true", True))),
        ("ne", "10", Not(Condition("custom_fields.x", "in", ("10", 10)))),
        ("gt", "10", Condition("custom_fields.x", "gt", 10)),
        ("gt", "-0.5", Condition("custom_fields.x", "gt", -0.5)),
        ("gt", "b", Condition("custom_fields.x", "gt", "b")),
        ("contains", "10", Condition("custom_fields.x", "contains", "10")),
        ("exists", "false", Condition("custom_fields.x", "exists", False)),
        ("in", "a,10", Condition("custom_fields.x", "in", ("a", "10", 10))),
    ],
)
def test_parameters_match_any_type(op: str, text: str, expected: object) -> None:
    found = parse_parameter("custom_fields.x", op, text)
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(("op", "text"), [("exists", "1"), ("foo", "1"), ("starts_with", "")])
def test_rejects_invalid_parameters(op: str, text: str) -> None:
    with pytest.raises(ValidationError):
        parse_parameter("custom_fields.x", op, text)


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("Priya Sh", ("priya", "sh")),
        ("priya@example.com", ("priya", "example", "com")),
        ("9188568", ("9188568",)),
        ("1 2 3 4 5 6 7 8 9", ("123456789",)),
        ("91" + " " * 64 + "priya", ("91", "priya")),
        ("priya 91", ("priya", "91")),
        ('"%_*"', ()),
        ("NEAR(a* OR b)", ("near", "a", "or", "b")),
    ],
)
def test_parses_a_word_search(text: str, prefixes: tuple[str, ...]) -> None:
    assert parse_words(text) == Words(prefixes)


@pytest.mark.parametrize(
    ("text", "apart", "digits"),
    [
        ("+91 88568-79", ("88568", "91", "79"), "918856879"),
        ("0091 88", ("0091", "88"), "9188"),
        ("24/7", ("24", "7"), "247"),
    ],
)
def test_reads_digits_as_words_or_a_phone(text: str, apart: tuple[str, ...], digits: str) -> None:
    phone = Condition("phone", "starts_with", digits)
    assert parse_words(text) == AnyOf((Words(apart), phone))


@pytest.mark.parametrize("text", ["", " ", None, 1, "x" * 201, "a b c d e f g h i", "a\x00"])
def test_rejects_invalid_word_searches(text: object) -> None:
    with pytest.raises(ValidationError):
        parse_words(text)


@pytest.mark.parametrize("zone", ["Z", "z", "+00:00", "+0000", " 0000", " 00:00", "-0000"])
def test_understands_spellings_of_a_zone(zone: str) -> None:
    assert instant(f"2026-06-02T08:00:00{zone}", "gte") == "2026-06-02T08:00:00Z"
    assert instant("2026-06-02T10:00:00+0200", "gte") == "2026-06-02T08:00:00Z"


def test_ignores_invisible_characters_in_tags_and_emails() -> None:
    assert condition("tag", "eq", "V\u200bIP\ufeff").value == "VIP"
    assert condition("email", "eq", "a\u200b@example.com").value == "a@example.com"


@pytest.mark.parametrize(
    ("op", "second"), [("gte", "01"), ("lt", "01"), ("gt", "00"), ("lte", "00")]
)
def test_rounds_fractions_of_seconds_by_operator(op: str, second: str) -> None:
    assert instant("2026-06-02T08:00:00.5Z", op) == f"2026-06-02T08:00:{second}Z"
