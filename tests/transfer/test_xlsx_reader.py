"""Workbooks: cells as programs show them, and limits of memory."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest

from app.errors import InvalidInput
from app.transfer import xlsx_reader
from app.transfer.xlsx_reader import XlsxSheet
from tests.transfer.memory import traced_peak
from tests.transfer.workbooks import style, workbook


def read(file: io.BytesIO, sheet: str | None = None, **more: int) -> list[list[str]]:
    with closing(XlsxSheet(file, sheet, **more)) as found:
        return [found.header, *(cells for _, cells in found.rows())]


def column(file: io.BytesIO) -> list[str]:
    return [row[0] for row in read(file)[1:]]


def saved(*rows: list[object]) -> io.BytesIO:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file


def test_reads_cells_as_programs_show_them() -> None:
    values = [
        (918856879188, "918856879188"),
        (9.18857e11, "918857000000"),
        (2**53 - 1.0, "9007199254740991"),
        (1.10, "1.1"),
        (0.1 + 0.2, "0.3"),
        (-12, "-12"),
        (True, "true"),
        (False, "false"),
        (date(2024, 3, 5), "2024-03-05"),
        (datetime(2024, 3, 5, 10, 30), "2024-03-05T10:30:00"),
        (time(10, 30), "10:30:00"),
        (timedelta(hours=26, minutes=5), "26:05:00"),
        ("#N/A", "#N/A"),
        ("=1+1", None),  # No program has computed it.
        ("+91 98860 12371", "+91 98860 12371"),
        ("a\nb", "a\nb"),
        (" 007 ", " 007 "),
    ]
    rows = read(saved(["Value", "End"], *([value, "x"] for value, _ in values)))
    assert rows[0] == ["Value", "End"]
    assert [row[0] for row in rows[1:]] == [text or "" for _, text in values]


def test_shows_leading_zeros_and_a_plus_that_a_number_format_adds() -> None:
    codes = {
        "00000": "01234",
        "+0": "+1234",
        "&quot;+&quot;0": "+1234",
        r"\+#": "+1234",
        "&quot;+91 &quot;000 000": "+91001234",
        "000-00-00": "0001234",
        "0": "1234",
        "0.00": "1234",
        "#,##0": "1234",
        "&quot;$&quot;0": "1234",
        "0&quot; kg&quot;": "1234",
        "0.00E+00": "1234",
        "@": "1234",
        "General": "1234",
        "[Red]0": "1234",
    }
    cells = "".join(
        f'<row><c s="{place}"><v>1234</v></c></row>' for place in range(1, len(codes) + 1)
    )
    file = workbook(f'<row><c t="str"><v>n</v></c></row>{cells}', styles=style(*codes))
    assert dict(zip(codes, column(file), strict=True)) == codes


def test_reads_dates_by_their_number_format() -> None:
    codes = ["dd/mm/yyyy", "[$-409]d mmm yy;@", "mmm", "hh:mm", "yyyy-mm-dd hh:mm", "[hh]:mm"]
    cells = "".join(f'<row><c s="{place}"><v>45356.5</v></c></row>' for place in range(1, 7))
    head = '<row><c t="str"><v>d</v></c></row>'
    days, noon = ["2024-03-05"] * 3, ["2024-03-05T12:00:00"] * 2
    assert column(workbook(head + cells, styles=style(*codes))) == [*days, *noon, "1088556:00:00"]
    old = workbook(head + cells, styles=style(*codes), properties='<workbookPr date1904="1"/>')
    assert column(old)[0] == "2028-03-06"
    early = head + "".join(f'<row><c s="1"><v>{day}</v></c></row>' for day in (1, 59, 61, -1))
    days = ["1900-01-01", "1900-02-28", "1900-03-01", "-1"]
    assert column(workbook(early, styles=style("d/m/yy"))) == days


def test_reads_texts_wherever_they_are() -> None:
    texts = (
        "<si><t>Ann</t></si><si><r><t>Bo </t></r><r><rPr><b/></rPr><t>Lind</t></r></si>"
        "<si><t>東京</t><rPh><t>トウキョウ</t></rPh></si><si><t>a_x000A_b</t></si>"
    )
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Na</t><r><t>me</t></r></is></c></row>'
        '<row r="3"><c r="A3" t="s"><v>0</v></c></row><row r="4"><c r="A4" t="s"><v>1</v></c></row>'
        '<row r="5" hidden="1"><c r="A5" t="s"><v>2</v></c></row>'
        '<row r="6"><c r="A6" t="s"><v>3</v></c><c r="B6"/></row>'
        '<row r="7"><c r="A7" t="str"><f>A1&amp;"x"</f><v>Namex</v></c></row>'
        '<row r="8"><c r="A8" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    with closing(XlsxSheet(workbook(rows, texts=texts))) as sheet:
        assert sheet.header == ["Name"]
        first = list(sheet.rows())
        assert first == list(sheet.rows())
    assert first == [
        *((3, ["Ann"]), (4, ["Bo Lind"]), (5, ["東京"])),
        *((6, ["a\nb"]), (7, ["Namex"]), (8, ["#DIV/0!"])),
    ]


def test_reads_cells_without_places_and_gaps_between_cells() -> None:
    rows = (
        '<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c><c t="str"><v>c</v></c></row>'
        '<row><c r="C2"><v>3</v></c></row><row/><row><c><v>1</v></c><c/><c><v>3</v></c></row>'
        "<row><c><v>1</v></c></row>"
    )
    assert read(workbook(rows))[1:] == [["", "", "3"], ["1", "", "3"], ["1", "", ""]]


def test_reads_the_first_visible_sheet_or_the_named_one() -> None:
    book = openpyxl.Workbook()
    book.active.title = "Lists"
    book.active.sheet_state = "hidden"
    book.active.append(["hidden"])
    for name in ("People", "Élan & Co"):
        book.create_sheet(name).append([name])
    file = io.BytesIO()
    book.save(file)
    assert read(file) == [["People"]]
    assert read(file, "Élan & Co") == [["Élan & Co"]]
    with closing(XlsxSheet(file)) as sheet:
        assert (sheet.name, sheet.names) == ("People", ["People", "Élan & Co"])
    with pytest.raises(InvalidInput, match='no sheet "Peple": the file has "People", "Élan & Co"'):
        XlsxSheet(file, "Peple")


def test_leaves_out_rows_at_the_top() -> None:
    file = saved(["Our customers"], [], ["as of today"], ["phone"], ["+12065550101"])
    assert read(file, skip=3) == [["phone"], ["+12065550101"]]
    assert read(file)[0] == ["Our customers"]


@pytest.mark.parametrize("prefix", ["x:", ""])
def test_reads_tags_with_a_prefix(prefix: str) -> None:
    rows = f'<{prefix}row><{prefix}c t="str"><{prefix}v>a</{prefix}v></{prefix}c></{prefix}row>'
    file = workbook(rows)
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode()
            if prefix and "sheet1" in name:
                content = content.replace("<worksheet xmlns=", "<x:worksheet xmlns:x=")
                content = content.replace("sheetData>", "x:sheetData>").replace("</x:", "</x:")
                content = content.replace("</worksheet", "</x:worksheet")
            new.writestr(name, content)
    assert read(changed) == [["a"]]


def corners() -> Iterator[bytes]:
    yield b'<row r="1"><c r="A1"><v>1</v></c></row>'
    yield b'<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'


def test_an_almost_empty_sheet_of_full_size_needs_little_memory() -> None:
    with traced_peak() as peak, closing(XlsxSheet(workbook(corners()))) as sheet:
        ((number, cells),) = sheet.rows()
    assert (number, len(cells), cells[-1]) == (1_048_576, 16_384, "2")
    assert peak() < 2_000_000


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (b'<row><c t="str"><v>', b"</v></c></row>"),
        (b'<row x="', b'"/>'),
        (b"<!--", b"-->"),
        (b'<row><c t="inlineStr"><is><t>', b"</t></is></c></row>"),
    ],
)
def test_rejects_a_bomb_without_unpacking_it(start: bytes, end: bytes) -> None:
    file = workbook([b"<row><c><v>1</v></c></row>", start, *[b"a" * 2**20] * 32, end])
    with traced_peak() as peak, pytest.raises(InvalidInput, match="too long"):
        read(file)
    assert peak() < 12_000_000


def test_rejects_a_part_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_reader, "MAX_PART", 2**20)
    with pytest.raises(InvalidInput, match="when unpacked"):
        read(workbook([b"<row/>" * 200_000]))


def test_rejects_entities() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(workbook("")) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = old.read(name).decode()
            new.writestr(name, '<!DOCTYPE x [<!ENTITY a "b">]>' * ("sheet1" in name) + content)
    with pytest.raises(InvalidInput, match="damaged"):
        read(file)


@pytest.mark.parametrize(
    "rows",
    [
        '<row><c t="s"><v>7</v></c></row>',
        '<row><c r="XFE1"><v>1</v></c></row>',
        "<row><c><v>x</v></c></row>",
        "<row>",
    ],
)
def test_rejects_a_damaged_workbook(rows: str) -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        read(workbook(rows))


def test_rejects_a_workbook_that_is_cut_short_or_empty() -> None:
    whole = saved(["phone"], ["+12065550101"]).getvalue()
    for size in range(0, len(whole), 97):
        with pytest.raises(InvalidInput):
            read(io.BytesIO(whole[:size]))
    with pytest.raises(InvalidInput, match="is empty"):
        read(saved())


def test_reads_a_sheet_with_few_texts_once() -> None:
    blank = "".join(f'<row r="{number}"><c r="A{number}" s="0"/></row>' for number in range(4, 99))
    row = '<row><c t="inlineStr"><is><t>{}</t></is></c></row>'.format
    few = workbook(row("phone") + row("1") + row("2") + blank)
    many = workbook(row("phone") + row("x" * 1_000) * 100)
    for file, reads_again in ((few, False), (many, True)):
        with closing(XlsxSheet(file)) as sheet:
            found = list(sheet.rows())
            file.truncate(0)
            if reads_again:
                with pytest.raises(InvalidInput):
                    list(sheet.rows())
            else:
                assert list(sheet.rows()) == found == [(2, ["1"]), (3, ["2"])]


def test_a_workbook_without_its_main_part_or_the_part_of_a_sheet_is_damaged() -> None:
    whole = workbook("<row><c><v>1</v></c></row>")
    no_main = io.BytesIO()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(no_main, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'/officeDocument"', b'/other"'))
    for file in (no_main, workbook("", sheets='<sheet name="People" sheetId="1"/>')):
        with pytest.raises(InvalidInput, match="damaged"):
            read(file)
