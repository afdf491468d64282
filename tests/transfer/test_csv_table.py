"""CSV as people and spreadsheets write it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.transfer.csv_table import CsvTable
from app.transfer.lines import MAX_BYTES, Lines
from app.transfer.readers import Opened, Source, open_file
from app.transfer.rows import FileRow


def pieces(data: bytes, size: int = 7) -> Iterator[bytes]:
    """Yield a file in pieces, as a connection does."""
    return (data[start : start + size] for start in range(0, len(data), size))


def rows(data: bytes, size: int = 7) -> list[FileRow]:
    return list(CsvTable(Lines(pieces(data, size))).rows())


def opened(data: bytes, **more: Any) -> Opened:
    return open_file(Source(io.BytesIO(data), format="csv", **more))


def values(data: bytes, **more: Any) -> list[object]:
    """Return the cells that are not empty, by column."""
    found = opened(data, **more)
    assert found.layout
    names = [column.name for column in found.layout.columns]
    return [
        {name: cell for name, cell in zip(names, row.cells or (), strict=False) if cell}
        for row in found.rows()
    ]


def refusal(data: bytes, **more: Any) -> dict[str, Any]:
    with pytest.raises(InvalidInput) as caught:
        opened(data, **more)
    return dict(caught.value.details or {})


def reasons(data: bytes, size: int = 7) -> dict[int, str]:
    return {row.line: row.fault for row in rows(data, size) if row.fault}


ONE = [{"phone": "1", "first_name": "Ann"}, {"phone": "2", "first_name": "Bob"}]


@pytest.mark.parametrize(
    "data",
    [
        b"phone,first_name\n1,Ann\n2,Bob\n",
        b"phone,first_name\r\n1,Ann\r\n2,Bob",
        b"\xef\xbb\xbfphone;first_name\r\n1;Ann\r\n2;Bob\r\n",
        b"phone\tfirst_name\n1\tAnn\n2\tBob\n",
        b"sep=;\r\nphone;first_name\r\n1;Ann\r\n2;Bob\r\n",
        b'"phone","first_name"\n"1","Ann"\n"2","Bob"\n',
        b"phone,first_name\n\n1,Ann\n,\n   \n2,Bob\n\n",
        b"phone,first_name,\n1,Ann,\n2,Bob,\n",
        b"phone|first_name\n1|Ann\n2|Bob\n",
        b"phone,first_name\r1,Ann\r2,Bob\r",
        b"Contacts of 2024\n\nphone,first_name\n1,Ann\n2,Bob\n",
        b"Contacts, 2024;;\nphone;first_name;email\n1;Ann;\n2;Bob;\n",
        "phone,first_name\n1,Ann\n2,Bob\n".encode("utf-16"),
        "phone\tfirst_name\n1\tAnn\n2\tBob\n".encode("utf-16-le"),
    ],
)
def test_reads_dialects(data: bytes) -> None:
    assert values(data) == ONE


def test_reads_quoted_cells() -> None:
    data = b'phone,custom_fields.note\r\n1,"two\r\nlines, ""quoted"""\r\n2,\xf0\x9f\x98\x80\n'
    found = rows(data)
    assert [row.cells for row in found] == [["1", 'two\r\nlines, "quoted"'], ["2", "😀"]]
    assert [(row.line, row.last_line) for row in found] == [(2, 3), (4, 4)]
    assert b"".join(row.raw for row in found) == data.partition(b"\n")[2]


def test_reports_bad_rows_by_line_and_continues() -> None:
    data = b'phone,first_name\n2\n3,"not closed\n4,Dan\n"5"5,Eve\n6,\xff\n7,a\0b\n8,Hal\n'
    assert [row.cells[0] for row in rows(data) if row.cells] == ["2", "4", "8"]
    rejected = reasons(data)
    assert list(rejected) == [3, 5, 6, 7]
    words = ["quote", "quote", "UTF-8", "NUL"]
    assert all(word in text for word, text in zip(words, rejected.values(), strict=True))


@pytest.mark.parametrize("size", [3, 100])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_unclosed_quote_rejects_only_its_own_row(size: int, end: bytes) -> None:
    data = b'phone,first_name\n1,"Ann\n2,Bob\n3,"Cid, ""x""\n4,Dan' + end
    found = rows(data, size)
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert [row.cells[0] if row.cells else None for row in found] == [None, "2", None, "4"]


def test_reports_a_line_with_an_old_line_end() -> None:
    assert "carriage return" in reasons(b"phone,first_name\n1,Ann\r2,Bob\n3,Cid\n")[2]


@pytest.mark.parametrize("size", [100, 2**16, 2**22])
def test_reports_a_row_that_is_too_long_and_continues(size: int) -> None:
    data = b"phone,first_name\n1," + b"x" * (MAX_BYTES + 10) + b"\n2,Bob\n3,Cid\n"
    assert list(reasons(data, size)) == [2]


@pytest.mark.parametrize("size", [2**16, 2**22])
def test_reports_a_quote_that_goes_on_for_too_long(size: int) -> None:
    lines = MAX_BYTES // 16
    data = b'phone,first_name\n1,"' + (b"x" * 15 + b"\n") * lines + b"9,Zoe\n"
    found = rows(data, size)
    assert "quote" in (found[0].fault or "")
    assert found[-1].cells == ["9", "Zoe"]
    assert found[-1].line == lines + 2


def test_reports_a_long_cell() -> None:
    data = b"phone,first_name\n1," + b"x" * 140_000 + b"\n2,Bob\n"
    assert "too long" in reasons(data, 2**16)[2]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b",,\n", b'"phone\n1\n', b"ph\xffone\n", b"\0\n"],
)
def test_rejects_a_file_without_a_header(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        rows(data)


@given(st.binary(max_size=200), st.integers(1, 50))
def test_reads_or_reports_any_bytes(data: bytes, size: int) -> None:
    found = rows(b"phone,first_name\n" + data, size)
    lines = [row.line for row in found]
    assert lines == sorted(set(lines))
    assert all(bool(row.cells) != bool(row.fault) for row in found)
    assert all(row.line <= row.last_line for row in found)


@given(st.lists(st.lists(st.sampled_from(['"', "\n", "a", ",", '""', "\r\n"]), max_size=9)))
def test_rejected_rows_are_written_unchanged(parts: list[list[str]]) -> None:
    data = "phone,first_name\n" + "\n".join("".join(part) for part in parts)
    source = opened(data.encode())
    written = source.rejected.head
    for row in (row for row in source.rows() if row.fault):
        written += source.rejected.row(row, "why")
        assert row.raw.rstrip(b"\r\n") in written
    again = CsvTable(Lines([written]))
    assert again.header == ["rejected_line", "rejected_reason", "phone", "first_name"]


def test_a_rejected_file_is_rejected_without_its_old_reasons() -> None:
    data = b'rejected_line,rejected_reason,phone\r\n7,"bad, again",12\r\n8,x,13,14\r\n'
    source = opened(data)
    assert source.rejected.head == b"rejected_line,rejected_reason,phone\r\n"
    one, other = source.rows()
    assert source.rejected.row(one, "why") == b"2,why,12\r\n"
    assert source.rejected.row(other, "why") == b"3,why,13,14\r\n"


def test_skips_the_given_number_of_lines() -> None:
    data = b"a,b,c\nphone,first_name\n1,Ann\n2,Bob\n"
    assert values(data, skip_lines=1) == ONE


def test_a_cell_with_a_label_is_not_a_header() -> None:
    data = b"Id,Handy der Firma\nMobile,+49 151 1\nx,+49 151 2\n"
    table = CsvTable(Lines([data]))
    assert (table.header, table.titles) == (["Id", "Handy der Firma"], 0)


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n\n  \n", b"\xff\xfe", b"sep=;\n"])
def test_says_that_a_file_is_empty(data: bytes) -> None:
    assert refusal(data) == {"file": ["The file is empty."]}


def test_a_file_that_begins_with_an_empty_line_is_not_empty() -> None:
    assert list(refusal(b"\n1,2\n")) == ["header"]
