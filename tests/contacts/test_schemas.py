"""Validation of a contact: limits, cleaned text, kept types."""

import math
import time
import unicodedata
from typing import Any

import pytest
from marshmallow import ValidationError

from app.contacts.fields import clean_key, clean_tag, clean_value
from app.contacts.model import MAX_INTEGER, Draft
from app.contacts.schemas import (
    ContactSchema,
    UpsertQuery,
    UpsertQuerySchema,
)
from app.web.fields import MAX_REASONS, clean_text

PHONE = "918856879188"


def load(**body: Any) -> Draft:
    draft: Draft = ContactSchema().load({"phone": PHONE, **body})
    return draft


def reasons(**body: Any) -> Any:
    with pytest.raises(ValidationError) as caught:
        load(**body)
    return caught.value.messages


def email(length: int) -> str:
    """Return a valid address of `length` characters."""
    domain = "." + ".".join(["d" * 60] * 3) + ".example"
    return "a" * 20 + "@" + "b" * (length - 21 - len(domain)) + domain


def test_loads_every_field() -> None:
    draft = load(
        first_name="Priya",
        last_name="Sharma",
        email="priya@example.com",
        tags=["VIP", "Lead"],
        custom_fields={"plan": "pro"},
    )
    assert draft == Draft(
        PHONE, "Priya", "Sharma", "priya@example.com", ("VIP", "Lead"), {"plan": "pro"}
    )


def test_treats_null_as_absent() -> None:
    nothing = load(first_name=None, last_name=None, email=None, tags=None, custom_fields=None)
    assert nothing == load() == Draft(PHONE)


def test_treats_empty_text_as_unset() -> None:
    assert load(first_name="", last_name=" \t ", email="  ") == Draft(PHONE)


@pytest.mark.parametrize(
    ("field", "exceeding"),
    [
        ({"first_name": "a" * 255}, {"first_name": "a" * 256}),
        ({"last_name": "\U0001f600" * 255}, {"last_name": "\U0001f600" * 256}),
        ({"email": email(254)}, {"email": email(255)}),
        ({"tags": ["a" * 100]}, {"tags": ["a" * 101]}),
        ({"tags": [str(n) for n in range(100)]}, {"tags": [str(n) for n in range(101)]}),
        ({"custom_fields": {"k" * 64: 1}}, {"custom_fields": {"k" * 65: 1}}),
        ({"custom_fields": {"k": "v" * 4096}}, {"custom_fields": {"k": "v" * 4097}}),
        ({"custom_fields": {"k": 2**53 - 1}}, {"custom_fields": {"k": 2**53}}),
        ({"custom_fields": {"k": 1 - 2**53}}, {"custom_fields": {"k": -(2**53)}}),
        (
            {"custom_fields": {str(n): n for n in range(200)}},
            {"custom_fields": {str(n): n for n in range(201)}},
        ),
    ],
    ids=["first_name", "last_name", "email", "tag", "tags", "key", "value", "int", "-int", "keys"],
)
def test_accepts_the_limit_and_rejects_one_more(
    field: dict[str, Any], exceeding: dict[str, Any]
) -> None:
    load(**field)
    assert list(reasons(**exceeding)) == list(exceeding)


def test_counts_tags_after_duplicates_collapse() -> None:
    assert load(tags=["VIP"] * 500).tags == ("VIP",)


def test_measures_text_after_trimming() -> None:
    assert load(first_name=" " + "a" * 255 + " ").first_name == "a" * 255


INVISIBLE = "\u00ad\u061c\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff"


@pytest.mark.parametrize("mark", INVISIBLE)
def test_removes_invisible_characters_from_tags_keys_and_addresses(mark: str) -> None:
    draft = load(
        phone=f"+91{mark}88568 79188{mark}",
        email=f"{mark}priya@exam{mark}ple.com",
        tags=["VIP", f"V{mark}IP", f"{mark} VIP {mark}"],
        custom_fields={f"{mark}pl{mark}an": "pro"},
    )
    assert draft == Draft(PHONE, None, None, "priya@example.com", ("VIP",), {"plan": "pro"})


@pytest.mark.parametrize("mark", INVISIBLE)
def test_removes_invisible_characters_at_the_ends_of_names_only(mark: str) -> None:
    draft = load(first_name=f"{mark} Pri{mark}ya {mark}", last_name=f" {mark} ")
    assert (draft.first_name, draft.last_name) == (f"Pri{mark}ya", None)


@pytest.mark.parametrize(
    "text",
    ["\u0646\u0627\u0645\u0647\u200c\u0647\u0627", "\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f"],
)
def test_keeps_joiners_and_emoji_unchanged(text: str) -> None:
    draft = load(first_name=text, tags=[text], custom_fields={text: 1})
    assert (draft.first_name, draft.tags, draft.custom_fields) == (text, (text,), {text: 1})


@pytest.mark.parametrize(
    "blank", ["\u200b", " \ufeff\u00a0", "\u200d", "\ufe0f", "\u3164", "\u2800"]
)
def test_invisible_text_is_unset(blank: str) -> None:
    assert load(first_name=blank, last_name=blank, email=blank) == Draft(PHONE)
    assert list(reasons(tags=[blank])["tags"]) == ["0"]
    assert list(reasons(custom_fields={blank: 1})["custom_fields"]) == [blank]


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["Priya"]])
@pytest.mark.parametrize("field", ["first_name", "last_name", "email"])
def test_rejects_text_of_another_type(field: str, value: object) -> None:
    assert reasons(**{field: value}) == {field: ["Must be a string."]}


@pytest.mark.parametrize("value", [918856879188, 1.5, True, [], {}, None])
def test_rejects_phones_of_another_type(value: object) -> None:
    assert "Must be a string" in reasons(phone=value)["phone"][0]


def test_rejects_a_missing_phone() -> None:
    with pytest.raises(ValidationError, match="Required"):
        ContactSchema().load({"first_name": "Priya"})


@pytest.mark.parametrize("value", ["VIP", {"0": "VIP"}, 1, True, "[]"])
def test_rejects_tags_of_another_type(value: object) -> None:
    assert "array" in reasons(tags=value)["tags"][0]


@pytest.mark.parametrize("tag", [1, None, True, [], {}, "", "  ", "a\nb", "a\x00b", "\ud800"])
def test_reports_the_index_of_an_invalid_tag(tag: object) -> None:
    assert list(reasons(tags=["VIP", tag])["tags"]) == ["1"]


@pytest.mark.parametrize("value", [[], "plan", 1, True, [["plan", "pro"]]])
def test_rejects_custom_fields_of_another_type(value: object) -> None:
    assert "object" in reasons(custom_fields=value)["custom_fields"][0]


@pytest.mark.parametrize("value", [[], {}, ["a"], {"a": 1}, [[]]])
def test_rejects_nested_values(value: object) -> None:
    assert "nested" in reasons(custom_fields={"ok": 1, "plan": value})["custom_fields"]["plan"][0]


@pytest.mark.parametrize("key", ["", "  ", "a[b", "a]b", "a\nb", "a\x7fb", "\udfff"])
def test_rejects_invalid_keys(key: str) -> None:
    assert key in reasons(custom_fields={key: 1})["custom_fields"]


def test_rejects_keys_that_differ_only_in_spaces() -> None:
    assert (
        "Given twice" in reasons(custom_fields={"plan": 1, " plan": 2})["custom_fields"][" plan"][0]
    )


@pytest.mark.parametrize(
    "address", ["priya", "priya@", "@example.com", "a b@example.com", "a@b@c.com", "a@example..com"]
)
def test_rejects_invalid_addresses(address: str) -> None:
    assert list(reasons(email=address)) == ["email"]


@pytest.mark.parametrize(
    "field", ["id", "created_at", "updated_at", "Phone", "name", "", "__proto__"]
)
def test_rejects_unknown_and_read_only_fields(field: str) -> None:
    assert reasons(**{field: "x"}) == {field: ["Unknown field."]}


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0xD800, 0xDFFF])
def test_rejects_control_characters(code: int) -> None:
    for clean in (lambda text: clean_text(text, 9), clean_tag, clean_key):
        with pytest.raises(ValidationError, match="control"):
            clean(f"a{chr(code)}b")


@pytest.mark.parametrize("code", [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, 0x85, 0xD800])
def test_rejects_control_characters_in_values(code: int) -> None:
    with pytest.raises(ValidationError, match="control"):
        clean_value(f"a{chr(code)}b")


@pytest.mark.parametrize(
    "value", ["", "  spaces  ", "tab\tnew\nline\r\n", "e\u0301", "\U0001f468\u200d\U0001f469", "10"]
)
def test_keeps_string_values_exactly(value: str) -> None:
    assert clean_value(value) == value


@pytest.mark.parametrize("value", [0, 1, 1.0, -0.5, 1e300, True, False, MAX_INTEGER, "1"])
def test_keeps_the_type_of_a_value(value: object) -> None:
    kept = clean_value(value)
    assert (type(kept), kept) == (type(value), value)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_rejects_numbers_that_are_not_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        clean_value(value)


@pytest.mark.parametrize("text", ["e\u0301", "\u1100\u1161", "\u212b", "\ufb2c"])
def test_normalises_text_to_nfc(text: str) -> None:
    assert clean_text(text, 9) == unicodedata.normalize("NFC", text)
    assert clean_tag(text) == clean_key(text) == clean_text(text, 9)


@pytest.mark.parametrize("text", ["  a  ", "\ta\n", "\u00a0a\u3000", "\u2003a\u2028"])
def test_trims_text(text: str) -> None:
    assert clean_text(text, 1) == clean_tag(text) == clean_key(text) == "a"


def test_rejects_a_long_run_of_combining_marks() -> None:
    letters = "e\u0301" * 200
    assert clean_text(letters, 255) == "é" * 200
    with pytest.raises(ValidationError):
        clean_text(letters + "\u0315\u0300" * 16, 255)


def test_cleans_long_runs_of_spaces_in_linear_time() -> None:
    """A body of a megabyte took hours, in which its process did nothing else."""
    for run in (" ", "\u200b ", "\u00a0"):
        text = f"a{run * (900_000 // len(run))}b"
        started = time.thread_time()
        with pytest.raises(ValidationError, match="at most"):
            clean_text(text, 255)
        assert time.thread_time() - started < 5


def test_limits_the_number_of_reasons() -> None:
    assert len(reasons(tags=[1] * 1_000)["tags"]) == MAX_REASONS
    nested = {f"key{index}": [] for index in range(1_000)}
    assert len(reasons(custom_fields=nested)["custom_fields"]) == MAX_REASONS


def test_keeps_the_order_of_tags() -> None:
    assert load(tags=["b", " a ", "b", "A", "a"]).tags == ("b", "a", "A")


def test_reports_every_invalid_field() -> None:
    found = reasons(phone="x", first_name=1, email="x", tags=1, custom_fields=1, extra=1)
    assert set(found) == {"phone", "first_name", "email", "tags", "custom_fields", "extra"}


def test_applies_the_phone_check() -> None:
    assert ContactSchema().load({"phone": "15555555555"}).phone == "15555555555"
    with pytest.raises(ValidationError, match="not assigned"):
        ContactSchema("valid").load({"phone": "15555555555"})


@pytest.mark.parametrize("text", ["", "1", "0", "True", "yes", " true", "null"])
def test_flag_accepts_only_true_and_false(text: str) -> None:
    assert UpsertQuerySchema().load({"dry_run": "true"}) == UpsertQuery(dry_run=True)
    assert UpsertQuerySchema().load({"dry_run": "false"}) == UpsertQuery(dry_run=False)
    with pytest.raises(ValidationError):
        UpsertQuerySchema().load({"dry_run": text})
