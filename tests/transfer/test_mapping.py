"""The mapping of columns to fields, as text."""

import pytest
from marshmallow import ValidationError

from app.transfer.mapping import escaped, parse_mapping


def test_reads_names_with_commas_and_equals() -> None:
    assert parse_mapping([r"a\,b=phone", "c=d=email", "x\\\\y=tags"]) == {
        "a,b": "phone",
        "c=d": "email",
        "x\\y": "tags",
    }


def test_reads_types() -> None:
    assert parse_mapping(["Age=custom_fields.age:number,Ref=custom_fields.a:b"]) == {
        "Age": "custom_fields.age:number",
        "Ref": "custom_fields.a:b",
    }


@pytest.mark.parametrize(
    "text",
    [
        *("Mobile", "=phone", "a=phone,a=email", "a=phone,b=phone", "a=telephone"),
        *("a=custom_fields.", "a=b.c", "a=custom_fields.x,b=custom_fields.x:number"),
    ],
)
def test_rejects_invalid_mappings(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_mapping([text])


def test_writes_names_as_they_are_read() -> None:
    assert parse_mapping([f"{escaped('a,b')}=phone"]) == {"a,b": "phone"}
