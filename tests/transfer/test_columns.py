"""The field of each column: by the mapping, by its name, by the words of many languages."""

import pytest

from app.errors import InvalidInput
from app.transfer.columns import Column, choose, numbered
from app.transfer.mapping import parse_mapping


def columns(header: list[str], mapping: str = "", *rows: list[str]) -> list[Column]:
    return list(choose(header, parse_mapping([mapping]), rows).columns)


def fields(header: list[str], mapping: str = "", *rows: list[str]) -> list[str]:
    return [column.field for column in columns(header, mapping, *rows)]


def refusal(header: list[str], mapping: str = "") -> str:
    with pytest.raises(InvalidInput) as caught:
        columns(header, mapping)
    [reason] = (caught.value.details or {})["map"]
    return str(reason)


def test_takes_documented_names_as_they_are() -> None:
    header = ["id", "phone", "first_name", "last_name", "email", "tags", "created_at"]
    header += ["updated_at", "custom_fields.plan", "custom_fields.a.b c"]
    assert fields(header) == header
    assert {column.source for column in columns(header)} == {"named"}


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [
        ("Mobile", "phone", "mobile"),
        ("Phone Number", "phone", "main"),
        ("phone-number", "phone", "main"),
        ("WhatsApp", "phone", "whatsapp"),
        ("Téléphone (domicile)", "phone", "home"),
        ("Tél. mobile", "phone", "mobile"),
        ("Telefon geschäftlich", "phone", "work"),
        ("Haupttelefon", "phone", "main"),
        ("Teléfono móvil", "phone", "mobile"),
        ("Telefone celular", "phone", "mobile"),
        ("2º telefone da residência", "phone", "home"),
        ("Company Main Phone", "phone", "other"),
        ("Phone Number (with country code)", "phone", "main"),
        ("MSISDN", "phone", "main"),
        ("Business Fax", "custom_fields.Business Fax", None),
        ("Télécopie (bureau)", "custom_fields.Télécopie (bureau)", None),
        ("Assistant's Phone", "custom_fields.Assistant's Phone", None),
        ("Phone verified", "custom_fields.Phone verified", None),
        ("WhatsApp Opted", "custom_fields.WhatsApp Opted", None),
        ("First Name", "first_name", None),
        ("firstName", "first_name", None),
        ("Full name", "full_name", None),
        ("Surname", "last_name", None),
        ("E-Mail", "email", None),
        ("E-mail 2 Address", "email", None),
        ("Dirección de correo electrónico", "email", None),
        ("E-mail Display Name", "custom_fields.E-mail Display Name", None),
        ("Labels", "tags", None),
        ("Kategorien", "tags", None),
        ("Mob No", "phone", "mobile"),
        ("WhatsApp No.", "phone", "whatsapp"),
        ("Mobile Number (WhatsApp)", "phone", "whatsapp"),
        ("Tel. 1", "phone", "main"),
        ("phone_e164", "phone", "main"),
        ("STD Code", "area_code", None),
        ("Emergency Contact Number", "custom_fields.Emergency Contact Number", None),
        ("Father's Mobile", "custom_fields.Father's Mobile", None),
        ("Country Code", "country_code", None),
        ("Land", "country", None),
        ("Created", "custom_fields.Created", None),
        ("Plan", "custom_fields.Plan", None),
        ("Lead [score]", "custom_fields.Lead  score", None),
    ],
)
def test_recognizes_names_of_columns(name: str, field: str, kind: str | None) -> None:
    header = [name] if field == "phone" else ["phone", name]
    found = columns(header)[-1]
    assert (found.field, found.kind) == (field, kind)


def test_gives_a_field_to_one_column() -> None:
    assert fields(["Mobile", "Telephone"]) == ["phone", "phone"]
    assert fields(["phone", "Vorname", "First Name"])[1:] == [
        "first_name",
        "custom_fields.First Name",
    ]


def test_applies_the_mapping() -> None:
    mapping = "Mobile=phone,Plan=custom_fields.plan:number,Notes="
    found = columns(["Mobile", "Plan", "Notes"], mapping)
    assert [column.field for column in found] == ["phone", "custom_fields.plan", ""]
    assert [column.type for column in found] == [None, "number", None]


def test_numbers_columns_of_the_same_name() -> None:
    header = ["Phone", "Name", "Phone", "Phone (2)", "", ""]
    assert numbered(header) == ["Phone", "Name", "Phone (3)", "Phone (2)", "", ""]
    assert fields(["Phone", "Phone"], "Phone (2)=custom_fields.x") == ["phone", "custom_fields.x"]


def test_a_header_can_name_a_type() -> None:
    found = columns(["phone", "custom_fields.age:number", "custom_fields.a:number:any"])
    assert [(column.field, column.type) for column in found[1:]] == [
        ("custom_fields.age", "number"),
        ("custom_fields.a:number", "any"),
    ]


def test_cells_can_contradict_the_name_of_their_column() -> None:
    assert fields(["id", "WhatsApp", "Mobile"], "", ["7", "TRUE", "+491"], ["8", "", ""]) == [
        "custom_fields.id",
        "custom_fields.WhatsApp",
        "phone",
    ]
    assert fields(["id", "phone"], "", ["cnt_491", "491"]) == ["id", "phone"]


def test_a_file_with_the_columns_of_an_export_can_be_of_another_program() -> None:
    header = ["id", "phone", "name", "created_at", "updated_at"]
    layout = choose(header, {}, [["7", "+491", "Ann", "", ""]])
    assert (layout.as_written, layout.columns[0].field) == (False, "custom_fields.id")
    assert choose(header, {}, [["cnt_491", "491", "Ann", "", ""]]).as_written
    assert choose(header, {}).as_written


def test_long_names_that_begin_alike_are_numbered() -> None:
    question = "How do you like the following parts of our service, from 1 to 5? "
    found = fields(["phone", f"{question}[Food]", f"{question}[Room]", f"{question}[Bar]"])[1:]
    assert len(set(found)) == 3 and found[1].endswith(" (2)") and found[2].endswith(" (3)")
    assert max(map(len, found)) <= len("custom_fields.") + 64


def test_numbers_are_phones_if_no_other_column_has_phones() -> None:
    rows = ["Ann", "+14155552671"], ["Bob", "+1 415 555 2672"]
    assert fields(["Contact", "Number"], "", *rows) == ["full_name", "phone"]
    assert fields(["Mobile", "Number"], "", ["+14155552671", "7"])[1] == "custom_fields.Number"
    assert "No column is the phone" in refusal(["Contact", "Number"])


def test_ignores_the_columns_of_a_file_of_rejected_rows() -> None:
    assert fields(["rejected_line", "rejected_reason", "phone"]) == ["", "", "phone"]


def test_rejects_missing_duplicate_and_invalid_columns() -> None:
    assert 'no column "Mobil"' in refusal(["phone"], "Mobil=phone")
    assert "No column is the phone: name it" in refusal(["email", "Plan"])
    assert refusal(["email", "Plan"]).endswith(" The file has email, Plan.")
    assert 'did you mean --map "Phon\\,=phone"?' in refusal(["Phon,"])
    assert refusal(["x"] * 11).count("…") == 1
    assert "Two columns for first_name" in refusal(
        ["phone", "first_name", "Vorname"], "Vorname=first_name"
    )
    assert "custom_fields.a[b]" in refusal(["phone", "custom_fields.a[b]"])
