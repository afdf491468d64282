"""Workbooks as other programs and our own reader see them."""

import io
from contextlib import closing

import openpyxl
import pytest

from app.transfer import xlsx_writer
from app.transfer.xlsx_reader import XlsxSheet
from app.transfer.xlsx_writer import Cell, XlsxWriter
from tests.transfer.memory import traced_peak

ROW: list[Cell] = [
    "918856879188",
    "=1+1",
    12,
    1.5,
    True,
    None,
    "a\n<b>&\"'",
    "_x0041_ \x01\ufffe\r",
]
HEADER = [f"h{number}" for number in range(len(ROW))]


def written(*rows: list[Cell]) -> io.BytesIO:
    writer = XlsxWriter(HEADER)
    return io.BytesIO(writer.rows(rows) + writer.end())


def test_other_programs_read_the_types_of_cells() -> None:
    sheet = openpyxl.load_workbook(written(ROW)).active
    head, row = sheet.iter_rows()
    assert [cell.value for cell in head] == HEADER
    assert [cell.data_type for cell in row] == ["s", "s", "n", "n", "b", "n", "s", "s"]
    assert [cell.value for cell in row][:7] == ROW[:7]
    assert [row[0].number_format, head[0].font.b, sheet.freeze_panes] == ["@", True, "A2"]


def test_a_written_sheet_is_read_back_unchanged() -> None:
    with closing(XlsxSheet(written(ROW, [] + [None] * 8, ROW))) as sheet:
        assert sheet.header == HEADER
        shown = ["918856879188", "=1+1", "12", "1.5", "true", "", ROW[6], ROW[7]]
        assert list(sheet.rows()) == [(2, shown), (4, shown)]


def test_a_full_sheet_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_writer, "MAX_ROWS", 3)
    rows: list[list[Cell]] = [[number] + [None] * 7 for number in range(5)]
    book = openpyxl.load_workbook(written(*rows))
    assert book.sheetnames == ["Contacts", "Contacts 2", "Contacts 3"]
    found = [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book]
    assert found == [["h0", 0, 1], ["h0", 2, 3], ["h0", 4]]


def test_rejects_more_columns_than_a_sheet_has() -> None:
    with pytest.raises(ValueError, match="16,384"):
        XlsxWriter(["x"] * 16_385)
    assert XlsxWriter(["x"] * 16_384).end()


def test_memory_does_not_grow_with_the_rows() -> None:
    with traced_peak() as peak:
        writer = XlsxWriter(HEADER)
        size = 0
        for _ in range(25):
            size += len(writer.rows([ROW] * 250))
        size += len(writer.end())
    assert size > 100_000
    assert peak() < 1_000_000
