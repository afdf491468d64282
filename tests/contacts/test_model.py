"""The outcome of an upsert, without a store."""

import pytest

from app.contacts.model import MAX_CUSTOM_FIELDS, Contact, Draft, FieldValue, upsert
from app.errors import InvalidInput

PHONE = "918856879188"
THEN, NOW = "2026-06-02T08:00:00Z", "2026-06-03T09:00:00Z"
PRIYA = Contact(
    PHONE,
    created_at=THEN,
    updated_at=THEN,
    first_name="Priya",
    last_name="Sharma",
    email="priya@example.com",
    tags=("VIP", "Lead"),
    custom_fields={"plan": "pro", "age": 30},
)


def test_creates_a_contact() -> None:
    outcome = upsert(None, Draft(PHONE, first_name="Priya", tags=("VIP",)), NOW)
    assert outcome.created and outcome.before is None
    assert outcome.after == Contact(PHONE, NOW, NOW, first_name="Priya", tags=("VIP",))
    assert outcome.changed == ["first_name", "tags"]


def test_creates_a_bare_contact() -> None:
    outcome = upsert(None, Draft(PHONE), NOW)
    assert outcome.created and outcome.changed == []
    assert outcome.after == Contact(PHONE, NOW, NOW)


def test_id_is_made_of_the_phone() -> None:
    assert PRIYA.id == "cnt_918856879188"


def test_documented_view_has_the_documented_order() -> None:
    assert list(PRIYA.documented_view().items()) == [
        ("id", "cnt_918856879188"),
        ("phone", PHONE),
        ("first_name", "Priya"),
        ("last_name", "Sharma"),
        ("email", "priya@example.com"),
        ("tags", ["VIP", "Lead"]),
        ("created_at", THEN),
    ]


def test_full_view_adds_to_the_documented_one() -> None:
    documented, full = PRIYA.documented_view(), PRIYA.full_view()
    assert list(full) == [*documented, "custom_fields", "updated_at"]
    assert full["custom_fields"] == {"plan": "pro", "age": 30}


def test_absent_fields_keep_their_value() -> None:
    outcome = upsert(PRIYA, Draft(PHONE), NOW)
    assert (outcome.after, outcome.changed, outcome.created) == (PRIYA, [], False)


def test_equal_values_change_nothing() -> None:
    draft = Draft(
        PHONE, "Priya", "Sharma", "priya@example.com", ("VIP", "Lead"), {"age": 30, "plan": "pro"}
    )
    outcome = upsert(PRIYA, draft, NOW)
    assert outcome.changed == [] and outcome.after is PRIYA


def test_replaces_values_that_differ() -> None:
    outcome = upsert(PRIYA, Draft(PHONE, first_name="Asha", email="asha@example.com"), NOW)
    assert outcome.changed == ["first_name", "email"]
    assert (outcome.after.first_name, outcome.after.last_name) == ("Asha", "Sharma")
    assert (outcome.after.created_at, outcome.after.updated_at) == (THEN, NOW)


@pytest.mark.parametrize("tags", [(), ("VIP",), ("Lead", "VIP"), ("VIP", "Lead", "New")])
def test_replaces_tags(tags: tuple[str, ...]) -> None:
    outcome = upsert(PRIYA, Draft(PHONE, tags=tags), NOW)
    assert outcome.after.tags == tags and outcome.changed == ["tags"]


def test_merges_custom_fields() -> None:
    outcome = upsert(PRIYA, Draft(PHONE, custom_fields={"plan": "free", "city": "Pune"}), NOW)
    assert dict(outcome.after.custom_fields) == {"plan": "free", "age": 30, "city": "Pune"}
    assert outcome.changed == ["custom_fields.plan", "custom_fields.city"]


@pytest.mark.parametrize("before", [1, 1.0, True, "1"])
@pytest.mark.parametrize("after", [1, 1.0, True, "1"])
def test_distinguishes_types(before: FieldValue, after: FieldValue) -> None:
    contact = Contact(PHONE, THEN, THEN, custom_fields={"n": before})
    outcome = upsert(contact, Draft(PHONE, custom_fields={"n": after}), NOW)
    kept = outcome.after.custom_fields["n"]
    assert (type(kept), kept) == (type(after), after)
    assert bool(outcome.changed) == (type(before) is not type(after))


@pytest.mark.parametrize(("before", "after"), [(0, False), (0.0, False), (10, "10"), ("", False)])
def test_distinguishes_falsy_values(before: FieldValue, after: FieldValue) -> None:
    contact = Contact(PHONE, THEN, THEN, custom_fields={"n": before})
    assert upsert(contact, Draft(PHONE, custom_fields={"n": after}), NOW).changed


def test_limits_custom_fields_after_merging() -> None:
    full = Contact(PHONE, THEN, THEN, custom_fields={str(n): n for n in range(MAX_CUSTOM_FIELDS)})
    assert upsert(full, Draft(PHONE, custom_fields={"0": "new"}), NOW).changed
    with pytest.raises(InvalidInput, match="at most 200"):
        upsert(full, Draft(PHONE, custom_fields={"one more": 1}), NOW)


def test_diff_shows_values_before_and_after() -> None:
    draft = Draft(PHONE, "Asha", tags=(), custom_fields={"plan": "free", "a.b": 1})
    assert upsert(PRIYA, draft, NOW).diff() == {
        "first_name": {"before": "Priya", "after": "Asha"},
        "tags": {"before": ["VIP", "Lead"], "after": []},
        "custom_fields.plan": {"before": "pro", "after": "free"},
        "custom_fields.a.b": {"before": None, "after": 1},
    }


def test_diff_of_a_new_contact_starts_from_nothing() -> None:
    assert upsert(None, Draft(PHONE, "Asha"), NOW).diff() == {
        "phone": {"before": None, "after": PHONE},
        "first_name": {"before": None, "after": "Asha"},
    }


def test_diff_of_no_change_is_empty() -> None:
    assert upsert(PRIYA, Draft(PHONE), NOW).diff() == {}
