"""vCards of phones and address books, of all versions."""

import io
import quopri
import time

import pytest

from app.errors import InvalidInput
from app.transfer.encodings import detect
from app.transfer.vcard_reader import VcardTable
from tests.transfer.memory import traced_peak


def read(content: bytes | str) -> list[dict[str, str]]:
    """Return the filled cells of each card by their column."""
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    table = VcardTable(file, detect(file))
    rows = [cells for _, cells in table.rows()]
    assert rows == [cells for _, cells in table.rows()]
    return [
        {name: cell for name, cell in zip(table.header, row, strict=True) if cell} for row in rows
    ]


def card(*lines: str, version: str = "3.0") -> str:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""])


def only(*lines: str, version: str = "3.0") -> dict[str, str]:
    (found,) = read(card(*lines, version=version))
    return found


def test_reads_a_card_of_apple() -> None:
    found = only(
        "PRODID:-//Apple Inc.//iOS 17.5//EN",
        "N:Okafor;Chidi;;Dr.;",
        "FN:Dr. Chidi Okafor",
        "item1.EMAIL;type=INTERNET;type=pref:chidi@example.com",
        "item1.X-ABLabel:_$!<Other>!$_",
        "TEL;type=IPHONE;type=CELL;type=VOICE;type=pref:+234 803 123 4567",
        "item2.TEL:+234 1 234 5678",
        "item2.X-ABLabel:Shop",
        "item3.TEL;type=pref:+234 803 000 0000",
        "item3.X-ABLabel:WhatsApp Business",
        "BDAY;X-APPLE-OMIT-YEAR=1604:1604-03-05",
        "CATEGORIES:Dealer,VIP\\, gold",
        "NOTE:Line one\\nline two\\, with comma",
    )
    assert found == {
        "FN": "Dr. Chidi Okafor",
        "Given Name": "Chidi",
        "Family Name": "Okafor",
        "Name Prefix": "Dr.",
        "Phone whatsapp": "+234 803 000 0000",
        "Phone mobile": "+234 803 123 4567",
        "Phone other": "+234 1 234 5678",
        "Email": "chidi@example.com",
        "Categories": "Dealer;VIP, gold",
        "Birthday": "--03-05",
        "Note": "Line one\nline two, with comma",
    }


def test_reads_version_2_1_of_an_old_phone() -> None:
    long = "Łukasz Żółć spotkany na targach, zadzwonić po piątej"
    quoted = quopri.encodestring(long.encode()).decode().replace("=\n", "=\r\n")
    found = only(
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=4E=C3=BA=C3=B1ez;Ana=3BMar=C3=ADa;;;",
        "FN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Ana N=FA=F1ez",
        "TEL;CELL;PREF:+34612345699",
        "TEL;HOME;FAX:+34912345678",
        "TEL;WORK;VOICE:+34912345679",
        "TEL;X-WhatsApp:+34600000000",
        f"NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{quoted}",
        "PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQAAAQABAAD",
        " /2wBDAAgGBgcGBQgHBwcJCQgKDBQ",
        "",
        "ORG;ENCODING=QUOTED-PRINTABLE:Caf=C3=A9;Sales",
        "X-CUSTOM:C:\\new",
        "EMAIL;INTERNET:ana@example.com",
        version="2.1",
    )
    assert found == {
        "FN": "Ana Núñez",
        "Given Name": "Ana;María",
        "Family Name": "Núñez",
        "Phone whatsapp": "+34600000000",
        "Phone mobile": "+34612345699",
        "Phone work": "+34912345679",
        "Phone fax": "+34912345678",
        "Email": "ana@example.com",
        "Organization": "Café",
        "Department": "Sales",
        "Note": long,
    }


def test_reads_version_4_0() -> None:
    found = only(
        f'TEL;VALUE=uri;PREF={"9" * 5_000};TYPE="voice,cell":tel:+1-206-555-0101',
        'TEL;VALUE=uri;PREF=1;TYPE="cell,voice":tel:+1-206-555-0102',
        "FN:Mia Stone",
        "N:Stone;Mia;Ann,Lee;;",
        "BDAY:19900105",
        "ANNIVERSARY:2015-06-01T10:00:00Z",
        'ADR;LABEL="12 Main St":;;12 Main St;Springfield;IL;62701;USA',
        version="4.0",
    )
    assert found == {
        "FN": "Mia Stone",
        "Given Name": "Mia",
        "Family Name": "Stone",
        "Middle Name": "Ann,Lee",
        "Phone mobile": "+1-206-555-0102",
        "Phone mobile (2)": "+1-206-555-0101",
        "Address": "12 Main St, Springfield, IL, 62701, USA",
        "Birthday": "1990-01-05",
        "Anniversary": "2015-06-01",
    }


def test_unfolds_lines_between_the_bytes_of_a_letter() -> None:
    line = "NOTE:Zażółć gęślą jaźń".encode()
    folded = b"\r\n ".join(line[place : place + 7] for place in range(0, len(line), 7))
    whole = b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:+48601000111\r\n" + folded + b"\r\nEND:VCARD\r\n"
    assert read(whole) == [{"Phone": "+48601000111", "Note": "Zażółć gęślą jaźń"}]


def test_numbers_repeated_properties_and_keeps_the_columns_of_all_cards() -> None:
    file = io.BytesIO(
        (
            card("TEL:1", "EMAIL:a@x", "EMAIL;TYPE=PREF:b@x") + card("TEL:2", "TEL:3", "NOTE:n")
        ).encode()
    )
    table = VcardTable(file, detect(file))
    assert table.header[3:] == ["Phone", "Phone (2)", "Email", "Email (2)", "Note"]
    assert [(line, cells[3:]) for line, cells in table.rows()] == [
        (1, ["1", "", "b@x", "a@x", ""]),
        (7, ["2", "3", "", "", "n"]),
    ]


def test_ignores_a_phone_or_email_in_place_of_a_name() -> None:
    assert only("FN:+1 206 555 0101", "TEL:+1 206 555 0101") == {"Phone": "+1 206 555 0101"}
    assert only("FN:a@example.com", "EMAIL:a@example.com") == {"Email": "a@example.com"}


def test_leaves_out_groups_and_agents() -> None:
    group = card("N:Friends", "FN:Friends", "X-ADDRESSBOOKSERVER-KIND:group")
    agent = card("TEL:+12065550101", "AGENT:", "BEGIN:VCARD", "TEL:+1", "END:VCARD", "FN:Ann")
    assert read(group + agent) == [{"Phone": "+12065550101", "FN": "Ann"}]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "cp1250", "utf-8-sig"])
def test_reads_any_encoding(encoding: str) -> None:
    name = "Łódź" if encoding == "cp1250" else "Jürgen Weiß"
    assert read(card(f"FN:{name}", "TEL:+12065550101").encode(encoding))[0]["FN"] == name


def test_reads_an_encoding_for_each_property() -> None:
    lines = b"FN;CHARSET=windows-1251:" + "Ольга".encode("cp1251") + b"\r\nTEL:+74951234567\r\n"
    content = b"BEGIN:VCARD\r\nVERSION:2.1\r\n" + lines + b"END:VCARD\r\n"
    assert read(content)[0]["FN"] == "Ольга"
    assert read(content.replace(b"windows-1251", b"no-such-thing"))[0]["FN"] == "Ольга"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_reads_all_line_ends_and_capitals(end: str) -> None:
    content = card("fn:Ann", "tel;type=cell:+12065550101").lower().replace("\r\n", end)
    assert read(content) == [{"FN": "ann", "Phone mobile": "+12065550101"}]


def test_reads_lines_that_should_have_been_escaped_or_folded() -> None:
    found = only("NOTE:first", "second line", "TEL:+12065550101", "N;X=Y:Rao\\")
    assert found == {"Note": "first\nsecond line", "Phone": "+12065550101", "Family Name": "Rao\\"}
    soft = only("FN;ENCODING=QUOTED-PRINTABLE:Ann=", "TEL:+12065550101", version="2.1")
    assert "Ann" in soft["FN"]


def test_escapes_a_leading_apostrophe_before_a_formula() -> None:
    assert only("FN:'=x", "TEL:1")["FN"] == "''=x"
    assert only("FN:'x", "TEL:1")["FN"] == "'x"


def test_rejects_a_truncated_file() -> None:
    whole = card("TEL:+12065550101") + card("TEL:+12065550102", "FN:Bo")
    with pytest.raises(InvalidInput, match="card in line 5 has no end"):
        read(whole.removesuffix("END:VCARD\r\n"))
    with pytest.raises(InvalidInput, match="no contact"):
        read("BEGIN:VCALENDAR\r\n")


def test_photos_are_not_held_in_memory() -> None:
    folded = ("\r\n " + "A" * 74) * 30_000
    endless = "A" * 2_000_000
    content = card(
        "TEL:1", f"PHOTO;ENCODING=b;TYPE=JPEG:{folded}", f"LOGO:{endless}", "FN:Ann"
    ).encode()
    file = io.BytesIO(content * 3)
    with traced_peak() as peak:
        table = VcardTable(file, detect(file))
        rows = list(table.rows())
    assert len(rows) == 3
    assert table.header[3:] == ["Phone"]
    assert peak() < 4_000_000


def test_limits_the_size_of_a_card() -> None:
    with pytest.raises(InvalidInput, match="too long"):
        read(card("TEL:1", *["NOTE:a"] * 3_000))
    with pytest.raises(InvalidInput, match="too many values"):
        read(card("TEL:1", *["NOTE:a"] * 60))
    with pytest.raises(InvalidInput, match="property in line 3 is too long"):
        read(card("NOTE:" + "a" * 2_000_000))


def test_an_export_of_no_contacts_is_no_error() -> None:
    assert read("") == []
    with pytest.raises(InvalidInput, match="no contact"):
        read("hello")


def test_groups_of_samsung_are_tags() -> None:
    lines = ("TEL;CELL:+14155552671", "X-GROUP-MEMBERSHIP:VIP")
    assert only(*lines, version="2.1")["Categories"] == "VIP"


def test_passes_over_text_between_cards() -> None:
    one, other = card("FN:Ann", "TEL:1"), card("FN:Bob", "TEL:2")
    found = read(f"{one}-- sent from my phone\r\n\r\n{other}\x1a")
    assert [each["FN"] for each in found] == ["Ann", "Bob"]


def test_a_long_property_takes_no_longer_than_its_length() -> None:
    started = time.process_time()
    assert only(f"N:{'a' * 900_000};Ann", "TEL:1")["Given Name"] == "Ann"
    assert time.process_time() - started < 5
