"""The field of each column: by name, by --map, by a guess."""

import pytest
from marshmallow import ValidationError

from app.errors import InvalidInput
from app.transfer.columns import choose, parse_mapping


def targets(header: list[str], mapping: str = "", *, guess: bool = True) -> list[str]:
    return list(choose(header, parse_mapping([mapping]), guess=guess).targets)


def refusal(header: list[str], mapping: str = "", *, guess: bool = False) -> str:
    with pytest.raises(InvalidInput) as caught:
        targets(header, mapping, guess=guess)
    [reason] = (caught.value.details or {})["map"]
    return str(reason)


def test_takes_documented_names_as_they_are() -> None:
    header = ["id", "phone", "first_name", "last_name", "email", "tags", "created_at"]
    header += ["updated_at", "custom_fields.plan", "custom_fields.a.b c"]
    columns = choose(header, {}, guess=False)
    assert columns.targets == header
    assert columns.guessed == {}


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Mobile", "phone"),
        ("Phone Number", "phone"),
        ("phone-number", "phone"),
        ("WhatsApp", "phone"),
        ("Téléphone", "phone"),
        ("MSISDN", "phone"),
        ("First Name", "first_name"),
        ("firstName", "first_name"),
        ("Full name", "first_name"),
        ("Surname", "last_name"),
        ("E-Mail", "email"),
        ("E-mail Address", "email"),
        ("Labels", "tags"),
        ("Created", "created_at"),
        ("Plan", "custom_fields.Plan"),
        ("Lead [score]", "custom_fields.Lead  score"),
    ],
)
def test_guesses(name: str, field: str) -> None:
    header = [name] if field == "phone" else ["phone", name]
    columns = choose(header, {}, guess=True)
    assert columns.targets[-1] == field
    assert columns.guessed == {name: field}


def test_guesses_a_field_once() -> None:
    assert targets(["Mobile", "Telephone"]) == ["phone", "custom_fields.Telephone"]
    assert targets(["Mobile", "phone"]) == ["custom_fields.Mobile", "phone"]


def test_does_as_the_mapping_says() -> None:
    mapping = "Mobile=phone,Plan=custom_fields.plan,Notes="
    header = ["Mobile", "Plan", "Notes"]
    assert targets(header, mapping, guess=False) == ["phone", "custom_fields.plan", ""]


def test_maps_names_with_commas_and_equals() -> None:
    assert parse_mapping([r"a\,b=phone", "c=d=email", "x\\\\y=tags"]) == {
        "a,b": "phone",
        "c=d": "email",
        "x\\y": "tags",
    }


@pytest.mark.parametrize(
    "text", ["Mobile", "=phone", "a=phone,a=email", "a=telephone", "a=custom_fields.", "a=b.c"]
)
def test_refuses_a_mapping(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_mapping([text])


def test_ignores_what_a_rejected_row_has_more() -> None:
    assert targets(["rejected_line", "rejected_reason", "phone"]) == ["", "", "phone"]


def test_refuses_columns() -> None:
    assert "map=Mobile=phone,Plan=custom_fields.Plan" in refusal(["Mobile", "Plan"])
    assert 'no column "Mobil"' in refusal(["phone"], "Mobil=phone")
    assert "No column is the phone" in refusal(["email"])
    assert "Two columns for phone" in refusal(["phone", "phone"])
    assert "Two columns for email" in refusal(["phone", "email", "Mail"], "Mail=email")
    assert "custom_fields.a[b]" in refusal(["phone", "custom_fields.a[b]"])
