"""vCards follow the specification, and our own reader reads them back."""

import io
from typing import Any

from app.transfer.encodings import detect
from app.transfer.vcard_reader import VcardTable
from app.transfer.vcard_writer import card

VIEW: dict[str, Any] = {
    "id": "cnt_918856879188",
    "phone": "918856879188",
    "first_name": "Priya; Anna",
    "last_name": "Rao, Dr.",
    "email": "priya@example.com",
    "tags": ["VIP", "Spring, 2024", "a;b\\c"],
    "custom_fields": {
        "plan": "pro",
        "count": 12,
        "code": "12",
        'a"b:c^;d': " two\nlines ",
        "long": "Zażółć gęślą jaźń " * 20 + "\r",
    },
    "created_at": "2026-06-02T08:00:00Z",
    "updated_at": "2026-06-03T08:00:00Z",
}


def read(text: str) -> dict[str, str]:
    file = io.BytesIO(text.encode())
    table = VcardTable(file, detect(file))
    ((_, cells),) = table.rows()
    return dict(zip(table.header, cells, strict=True))


def test_writes_a_card_of_version_3() -> None:
    plain = VIEW | {
        "first_name": "Priya",
        "last_name": None,
        "tags": ["VIP"],
        "custom_fields": {"plan": 1},
    }
    assert card(plain).splitlines() == [
        *("BEGIN:VCARD", "VERSION:3.0", "UID:cnt_918856879188", "N:;Priya;;;", "FN:Priya"),
        *("TEL;TYPE=CELL:+918856879188", "EMAIL:priya@example.com", "CATEGORIES:VIP"),
        *("X-CONTACTS-FIELD;X-KEY=plan:1", "X-CONTACTS-CREATED:2026-06-02T08:00:00Z"),
        *("REV:2026-06-03T08:00:00Z", "END:VCARD"),
    ]
    assert card(plain).count("\r\n") == 12


def test_lines_have_at_most_75_bytes_and_end_between_letters() -> None:
    lines = card(VIEW).encode().split(b"\r\n")
    assert max(map(len, lines)) == 75
    assert all(line.decode() is not None for line in lines)
    assert all(b"\n" not in line and b"\r" not in line for line in lines)


def test_a_written_card_is_read_back_unchanged() -> None:
    assert read(card(VIEW)) == {
        "id": "cnt_918856879188",
        "FN": "Priya; Anna Rao, Dr.",
        "Given Name": "Priya; Anna",
        "Family Name": "Rao, Dr.",
        "Phone mobile": "+918856879188",
        "Email": "priya@example.com",
        "Categories": "VIP;Spring, 2024;a\\;b\\\\c",
        "created_at": "2026-06-02T08:00:00Z",
        "custom_fields.plan": "pro",
        "custom_fields.count": "12",
        "custom_fields.code": '"12"',
        'custom_fields.a"b:c^;d': " two\nlines ",
        "custom_fields.long": f'"{"Zażółć gęślą jaźń " * 20}\\r"',
    }


def test_a_contact_without_a_name_is_called_by_its_number() -> None:
    text = card(VIEW | {"first_name": None, "last_name": None})
    assert "FN:+918856879188\r\n" in text
    assert [read(text)[name] for name in ("FN", "Given Name", "Family Name")] == ["", "", ""]
