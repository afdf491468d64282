"""How rows become contacts: numbers, names, tags, values, twins, and what is rejected."""

import io
from contextlib import closing
from typing import Any

import openpyxl
import pytest

from app.contacts.model import Contact
from app.contacts.store import find_contact
from app.custom_fields.handlers import pin_custom_field
from app.database import Database
from app.errors import InvalidInput
from app.transfer.intake import Intake
from app.transfer.mapping import parse_mapping
from app.transfer.options import Options
from app.transfer.preview import preview
from app.transfer.readers import Source
from app.transfer.report import Report

ANN, BOB, CID = "14155552671", "14155552672", "14155552673"


def import_text(db: Database, text: str | bytes, mapping: str = "", **options: Any) -> Report:
    data = text.encode() if isinstance(text, str) else text
    source = Source(io.BytesIO(data), "people.csv", mapping=parse_mapping([mapping]))
    with (
        Intake(source, Options(**options), "possible") as intake,
        closing(intake.importer(db, dry_run=False)) as importer,
    ):
        intake.run(db, importer)
    report = importer.report
    assert report.rows == report.created + report.updated + report.unchanged + report.rejected
    return report


def contact(db: Database, phone: str) -> Contact:
    found = find_contact(db.connection(), phone)
    assert found, phone
    return found


def reasons(report: Report) -> dict[int, str]:
    return {each["line"]: each["reason"] for each in report.errors}


def warnings(report: Report) -> str:
    return "\n".join(each["reason"] for each in report.warnings)


def test_phone_columns_are_tried_in_their_order(db: Database) -> None:
    report = import_text(
        db,
        "Name,Fax,Other Phone,Work Phone,Home Phone,Phone,Mobile,WhatsApp\n"
        f"Ann,+14155550001,,,,,+{ANN},\n"
        f"Bob,+14155550001,,+14155550002,,+{BOB},,\n"
        f"Cid,,+14155550003,,,,+14155550004 x1,+{CID}\n"
        "Dee,+14155550001,,,,,,\n",
    )
    assert list(reasons(report)) == [5]
    assert dict(contact(db, ANN).custom_fields) == {"Fax": "+14155550001"}
    assert contact(db, BOB).custom_fields["phone_2"] == "+14155550002"
    assert dict(contact(db, CID).custom_fields) == {
        "phone_2": "+14155550004 x1",
        "phone_3": "+14155550003",
    }


def test_reports_a_first_choice_that_is_doubtful(db: Database) -> None:
    report = import_text(db, f"Mobile,Home Phone\n+{BOB} x12,+{ANN}\n")
    assert "extension" in warnings(report)
    assert contact(db, ANN).custom_fields["phone_2"] == f"+{BOB} x12"


def test_a_mapped_phone_has_no_substitute(db: Database) -> None:
    text = f"Mobile,Home Phone\n,+{BOB}\n+{ANN},+{CID}\n"
    assert list(reasons(import_text(db, text, "Mobile=phone"))) == [2]
    assert contact(db, ANN).custom_fields["phone_2"] == f"+{CID}"


def test_numbers_have_the_country_of_their_row(db: Database) -> None:
    report = import_text(
        db,
        "Name,Country Code,Phone Number,Country\n"
        "A,91,9886012341,\nB,+91,919886012342,\nC,,09886012343,India\nD,,9886012344,IN\n"
        "E,1,2025550123,\nF,91.0,9886012346,\n",
    )
    assert report.errors == []
    assert report.numbers == {"IN": 5, "US": 1}
    assert contact(db, "919886012343").custom_fields["Country"] == "India"


def test_an_unknown_country_rejects_its_row_alone(db: Database) -> None:
    report = import_text(
        db,
        "Name,Country,Phone\nA,India (+91),98860 12341\nB,Atlantis,98860 12342\n"
        "C,Atlantis,+91 98860 12343\nD,India +49,9886012344\nE,भारत,9886012345\n"
        "F,Côte d’Ivoire,0123456789\nG,🇩🇪,0151 23456789\n",
    )
    assert list(reasons(report)) == [3, 5]
    assert '"Atlantis" is no known country' in reasons(report)[3]
    assert report.numbers == {"IN": 3, "CI": 1, "DE": 1}
    text = "Name,Country Code,Phone\nA,91,9886012341\nB,999,9886012342\n"
    assert list(reasons(import_text(db, text))) == [3]
    assert list(reasons(import_text(db, text, region="IN"))) == [3]


def test_an_area_code_in_its_own_column_is_joined_to_the_number(db: Database) -> None:
    text = "Name,Area Code,Phone\nA,415,5552671\nB,(415),4155552672\nC,415,+14155552673\n"
    assert import_text(db, text, region="US").errors == []
    assert contact(db, ANN).custom_fields["Area Code"] == "415"
    assert contact(db, BOB) and contact(db, CID)
    text = "Vorwahl;Telefon\n030;1234567\n0151;23456789\n"
    report = import_text(db, text, region="DE")
    assert contact(db, "49301234567")  # The other is one of Lüdinghausen without its area code.
    assert reasons(report) == {3: "Is a number with the area code 0151, and without it."}


def test_other_numbers_of_no_certain_country_stay_as_they_are_written(db: Database) -> None:
    text = f"Mobile,Phone\n+{ANN},(512) 555-0123\n+{BOB},{BOB}\n"
    import_text(db, text)
    assert contact(db, ANN).custom_fields["phone_2"] == "(512) 555-0123"
    assert contact(db, BOB).custom_fields == {}
    import_text(db, text, region="US")
    assert contact(db, ANN).custom_fields["phone_2"] == "+15125550123"


def test_mistyped_columns_are_warned_of_first(db: Database) -> None:
    report = import_text(
        db, f"phone,frist_name,e-mial,Nickname\n+{ANN} x1,Ann,a@b.co,An\n+{BOB},B,,\n"
    )
    first, second = report.warnings
    assert (first["line"], first["column"]) == (1, "frist_name")
    assert "did you mean first_name" in first["reason"] and "did you mean email" in second["reason"]
    with pytest.raises(InvalidInput, match='did you mean --map "phnoe=phone"'):
        import_text(db, f"phnoe\n+{ANN}\n")


@pytest.mark.parametrize(
    ("number", "is_taken"),
    [(919886012345, True), (919886000000, False), (9.19886e11, False), (919886012345678901, False)],
)
def test_rejects_numbers_that_a_workbook_may_have_rounded(
    db: Database, number: float, is_taken: bool
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    for row in (["Phone", "Id"], ["+14155552671", 12345678901234567890], [number, 100000000000]):
        sheet.append(row)
    book.save(file := io.BytesIO())
    report = import_text(db, file.getvalue())
    assert (report.created, report.rejected) == ((2, 0) if is_taken else (1, 1))
    assert is_taken or "ounded by a spreadsheet" in reasons(report)[3]
    assert "1 cell may be rounded by a spreadsheet" in warnings(report)
    assert type(contact(db, ANN).custom_fields["Id"]) is str


@pytest.mark.parametrize(
    "cell", ['"[""VIP"", ""Lead""]"', "\"['VIP', 'Lead']\"", "VIP;Lead", '"""VIP"",""Lead"""']
)
def test_reads_lists_of_tags_in_a_cell(db: Database, cell: str) -> None:
    import_text(db, f"phone,tags\n+{ANN},{cell}\n")
    assert contact(db, ANN).tags == ("VIP", "Lead")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Nama,No. HP,Email", "Budi"),
        ("नाम,मोबाइल नंबर,ईमेल", "अनीता"),
        ("الاسم,رقم الجوال,البريد الإلكتروني", "أحمد"),
        ("Nome,Celular/WhatsApp,E-mail", "João"),
        ("Nom,N° portable,Courriel", "Zoé"),
        ("Name,Alt. Contact No.,Email ID", "Asha"),
        ("Name,Registered Mobile No,Email Address", "Asha"),
        ("Name,Contact,Email", "Asha"),
        ("Имя,Моб. телефон,Адрес эл. почты", "Иван"),
        ("Ім'я,Мобільний телефон,Електронна пошта", "Іван"),
        ("Jméno,Telefonní číslo,E-mailová adresa", "Jan"),
        ("Nimi,Puhelin,Sähköposti", "Aino"),
        ("Adı,Cep telefonu,E-posta", "Ayşe"),
        ("Tên,Số điện thoại,Địa chỉ email", "Lan"),
        ("名前,電話番号,メールアドレス", "翔"),
        ("이름,휴대폰,이메일 주소", "민준"),
        ("Name,手机号,邮箱", "伟"),
        ("Name,เบอร์โทร,อีเมล", "Somchai"),
    ],
)
def test_recognizes_headers_in_other_languages(db: Database, header: str, name: str) -> None:
    assert import_text(db, f"{header}\n{name},+{ANN},a@example.com\n").errors == []
    found = contact(db, ANN)
    assert (found.first_name, found.email) == (name, "a@example.com")


@pytest.mark.one_engine
@pytest.mark.parametrize("header", ["CEP", "Postadresse", "Pošta", "Poštovní adresa", "Địa chỉ"])
def test_postal_columns_are_neither_phones_nor_emails(db: Database, header: str) -> None:
    import_text(db, f"Phone,{header}\n+{ANN},01310100\n")
    assert contact(db, ANN).custom_fields == {header: "01310100"}


def test_a_blank_country_is_that_of_the_file(db: Database) -> None:
    report = import_text(
        db, "Country,Phone\n-,9886012341\nn/a,9886012342\n,9886012343\n", region="IN"
    )
    assert report.numbers == {"IN": 3}


@pytest.mark.one_engine
def test_names_the_lines_of_numbers_that_are_not_convincing(db: Database) -> None:
    with pytest.raises(InvalidInput, match="but not 99912345678 in line 3"):
        import_text(db, f"phone\n{ANN}\n99912345678\n{BOB}\n")


@pytest.mark.one_engine
def test_shortens_long_numbers_in_its_reasons(db: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_text(db, f"phone\n{'9' * 150}\n")
    assert "9… in line 2" in refused.value.message and len(refused.value.message) < 500


def test_nothing_is_stored_where_numbers_are_not_convincing(db: Database) -> None:
    text = "phone\n" + "".join(f"98860123{n:02}\n" for n in range(14)) + "6512345678\n" * 6
    with pytest.raises(InvalidInput) as refused:
        import_text(db, text)
    assert "20 phone numbers without +" in refused.value.message and "SG" in refused.value.message
    assert import_text(db, text, region="IN").numbers == {"IN": 20}


def test_doubtful_cells_are_not_evidence_for_a_file(db: Database) -> None:
    report = import_text(db, f"phone\n{ANN}\n98860 12347 / 98860 12348\n9.18857E+11\n12\n")
    assert (report.created, report.rejected) == (1, 3)


def test_pads_short_rows_and_rejects_long_ones(db: Database) -> None:
    report = import_text(
        db,
        f"phone,first_name,email\n+{ANN}\n+{BOB},Bob,b@example.com,,\n+{CID},Smith, John,c@x.co\n",
    )
    assert reasons(report) == {4: "Has 4 cells, the header has 3."}
    assert contact(db, BOB).email == "b@example.com"


def test_warns_of_columns_without_a_name(db: Database) -> None:
    report = import_text(db, f",name,phone\n0,Ann,+{ANN}\n1,Bob,+{BOB}\n")
    assert report.created == 2 and "Column 1 has no name: 2 cells" in warnings(report)
    report = import_text(db, f"phone,first_name,\n+{CID},Smith, John\n")
    assert "no name" in reasons(report)[2]


def test_words_for_nothing_are_empty_cells(db: Database) -> None:
    report = import_text(
        db, f"phone,first_name,last_name,email,plan\n+{ANN},n/a,Null,none,#N/A\n+{BOB},-,,NULL,-\n"
    )
    assert report.errors == [] and "n/a, -, NULL" in warnings(report)
    assert (contact(db, ANN).last_name, contact(db, ANN).email) == ("Null", None)
    assert dict(contact(db, ANN).custom_fields) == {}


def test_lenient_imports_leave_out_invalid_optional_cells(db: Database) -> None:
    text = f"phone,email,tags,custom_fields.age:number\n+{ANN},nobody,ok;{'x' * 101},old\n"
    assert len(import_text(db, text).errors) == 1
    report = import_text(db, text, lenient=True)
    assert (report.created, report.errors) == (1, [])
    assert warnings(report).count("left out") == 3
    assert (contact(db, ANN).email, contact(db, ANN).tags) == (None, ("ok",))


def test_stores_the_first_valid_email(db: Database) -> None:
    import_text(db, f'phone,Email,Email 2\n+{ANN},bad@,"good@example.com, b@example.com"\n')
    found = contact(db, ANN)
    assert found.email == "good@example.com"
    assert dict(found.custom_fields) == {"email_2": "bad@", "email_3": "b@example.com"}


def test_an_email_that_comes_twice_is_stored_once(db: Database) -> None:
    import_text(db, f"phone,Email,E-mail 2\n+{ANN},Ann@example.com,ann@example.com;b@x.co\n")
    found = contact(db, ANN)
    assert (found.email, found.custom_fields) == ("Ann@example.com", {"email_2": "b@x.co"})


@pytest.mark.one_engine
def test_an_error_of_columns_says_that_their_names_may_be_misread(db: Database) -> None:
    text = "Név;Város\nÁgnes;Győr\nJenő;Pécs\n"
    with pytest.raises(InvalidInput, match=r"likely Windows-125\d: if .* use --encoding"):
        import_text(db, text.encode("cp1250"))
    with pytest.raises(InvalidInput, match=r"The file has Név, Város\.$"):
        import_text(db, text)


def test_no_other_word_becomes_an_email(db: Database) -> None:
    report = import_text(
        db, f"phone,Email\n+{ANN},ann@example.com m\n+{BOB},bob@example.com; n/a\n"
    )
    assert list(reasons(report)) == [2]
    assert (contact(db, BOB).email, contact(db, BOB).custom_fields) == ("bob@example.com", {})


def test_tags_can_be_on_lines_of_a_cell(db: Database) -> None:
    import_text(db, f'phone,tags\n+{ANN},"VIP\nLead"\n')
    assert contact(db, ANN).tags == ("VIP", "Lead")
    import_text(db, f'phone,tags\n+{BOB},"VIP, Lead\r\nGold"\n', tag_separator=",")
    assert contact(db, BOB).tags == ("VIP", "Lead", "Gold")


def test_values_stay_as_written(db: Database) -> None:
    report = import_text(
        db,
        "phone,no,version,zip,ok,n,half\n"
        f"+{ANN},12E4,1.10,02134,True,12,1.5\n+{BOB},0012,1.9,90210,true,-3,+5\n",
    )
    assert dict(contact(db, ANN).custom_fields) == {
        "no": "12E4",
        "version": "1.10",
        "zip": "02134",
        "ok": "True",
        "n": 12,
        "half": 1.5,
    }
    assert dict(contact(db, BOB).custom_fields)["half"] == "+5"
    mixed = [each["column"] for each in report.warnings if "several types" in each["reason"]]
    assert mixed == [f"custom_fields.{key}" for key in ("version", "zip", "ok", "half")]
    assert '1 string, 1 number. To store one type, import with --map "zip=custom_fields.zip:' in (
        warnings(report)
    )


def test_rejects_values_of_another_type_than_named_or_pinned(db: Database) -> None:
    pin_custom_field(db, "zip", label=None, required_type="string")
    pin_custom_field(db, "since", label=None, required_type="date")
    report = import_text(
        db,
        "phone,custom_fields.age:number,zip,since\n"
        f"+{ANN},30,90210,2024-03-05\n+{BOB},x,1,2024-03-05\n+{CID},1,1,05/03/2024\n",
    )
    assert list(reasons(report)) == [3, 4]
    fields = {"age": 30, "zip": "90210", "since": "2024-03-05"}
    assert dict(contact(db, ANN).custom_fields) == fields


def test_tags_are_added(db: Database) -> None:
    import_text(db, f"phone,tags\n+{ANN},Diwali\n")
    import_text(db, f"phone,tags\n+{ANN},Holi\n", add_tags=("Fair",))
    assert contact(db, ANN).tags == ("Diwali", "Holi", "Fair")
    import_text(db, f"phone,tags\n+{ANN},New\n+{BOB},\n", replace_tags=True, add_tags=("Fair",))
    assert (contact(db, ANN).tags, contact(db, BOB).tags) == (("New", "Fair"), ("Fair",))


def test_reports_tags_with_another_separator(db: Database) -> None:
    text = f'phone,tags\n+{ANN},"VIP, Lead"\n+{BOB},A|B\n'
    assert "--tag-separator" in warnings(import_text(db, text))
    assert contact(db, ANN).tags == ("VIP, Lead",)
    import_text(db, text, tag_separator=",", replace_tags=True)
    assert contact(db, ANN).tags == ("VIP", "Lead")


def test_twins_are_reported_or_matched(db: Database) -> None:
    text = "phone,first_name\n+5511987654321,Lia\n+551187654321,Lia Souza\n+541123456789,Mar\n"
    report = import_text(db, text)
    assert report.created == 3 and "--match-twins" in warnings(report)
    report = import_text(db, "phone,last_name\n+5491123456789,Gil\n", match_twins=True)
    assert report.updated == 1 and contact(db, "541123456789").last_name == "Gil"


def test_joins_twins_of_one_file(db: Database) -> None:
    text = "phone,last_name\n+5511987654321,Lia\n+551187654321,Souza\n"
    report = import_text(db, text, match_twins=True)
    assert (report.created, report.updated, report.repeated) == (1, 1, 1)
    assert contact(db, "5511987654321").last_name == "Souza"


def test_a_file_in_two_encodings_is_rejected(db: Database) -> None:
    latin = "+14155552672,José\n+14155552673,Zoë\n".encode("latin-1")
    with pytest.raises(InvalidInput, match="encoding"):
        import_text(db, f"phone,first_name\n+{ANN},José\n".encode() + latin)
    report = import_text(db, f"phone,first_name\n+{ANN},José\n".encode("cp1252"))
    assert report.encoding == "Windows-1252" and "José" in warnings(report)


def test_a_preview_shows_the_changes_and_stores_nothing(db: Database) -> None:
    import_text(db, f"phone,first_name,tags\n+{ANN},An,Old\n+{CID},Cid,Old\n")
    text = f"Mobile,first_name,tags,Plan\n+{ANN},Ann,New,\n+{BOB},Bob,,pro\n+{CID},Cid,,\n12,x,,\n"
    with Intake(Source(io.BytesIO(text.encode())), Options(replace_tags=True), "possible") as file:
        importer, found = preview(db, file)
    report = importer.report
    assert (report.created, report.updated, report.unchanged, report.rejected) == (1, 1, 1, 1)
    assert (found["new_tags"], found["new_fields"]) == (["New"], ["Plan"])
    assert [each["field"] for each in found["columns"]] == [
        *("phone", "first_name", "tags", "custom_fields.Plan")
    ]
    assert found["columns"][1]["samples"] == ["Ann", "Bob", "Cid"]
    [updated] = found["samples"]["updated"]
    assert updated["replaced"] == {"first_name": {"before": "An", "after": "Ann"}}
    assert (updated["added"], updated["removed"]) == ({"tags": ["New"]}, {"tags": ["Old"]})
    assert [each["line"] for each in found["samples"]["rejected"]] == [5]
    assert find_contact(db.connection(), BOB) is None


def test_label_columns_apply_without_a_profile(db: Database) -> None:
    """As in a Google export with deleted columns: a fax is no mobile number."""
    head = ",".join(f"Phone {number} - Label,Phone {number} - Value" for number in (1, 2, 3))
    report = import_text(
        db,
        f"First Name,{head}\n"
        f"Ann,Work Fax,+442079460001,Home,+442079460002,Mobile,+{ANN}\n"
        f"Bob,Mobile,+442079460003,WhatsApp,+{BOB},,\n"
        f"Cid,Work,+442079460004,iPhone,+{CID},,\n"
        "Dee,Home Fax,+442079460005,,,,\n",
    )
    assert reasons(report) == {5: "Is a fax or pager number, and the row has no other."}
    assert contact(db, ANN).custom_fields == {"phone_2": "+442079460002", "fax": "+442079460001"}
    assert contact(db, BOB).custom_fields == {"phone_2": "+442079460003"}
    assert contact(db, CID).custom_fields == {"phone_2": "+442079460004"}


def test_cells_marked_as_text_for_a_spreadsheet_are_text(db: Database) -> None:
    import_text(
        db,
        "phone,zip,custom_fields.code,custom_fields.n:number,era,none\n"
        f'+{ANN},"=""01234""","=""12""",\'7,\'90s,"="""""\n',
    )
    expected = {"zip": "01234", "code": "12", "n": 7, "era": "'90s"}
    assert contact(db, ANN).custom_fields == expected


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"+{ANN},Ann\n+{BOB},Bob\n", "first line is a contact: put a line of names above it"),
        ("Ann\nBob\n", "No column is the phone"),
    ],
)
def test_reports_a_file_without_a_phone_column(db: Database, text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        import_text(db, text)


@pytest.mark.one_engine
def test_names_the_other_sheets_where_one_has_no_phone(db: Database) -> None:
    book = openpyxl.Workbook()
    book.active.append(["About"])
    book.active.append(["this file"])
    book.create_sheet("People").append(["phone"])
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(InvalidInput, match='sheet "Sheet": to read another, use --sheet "People"'):
        import_text(db, file.getvalue())
