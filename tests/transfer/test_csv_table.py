"""CSV as people and spreadsheets write it."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.transfer.lines import MAX_BYTES
from app.transfer.readers import open_reader
from app.transfer.rows import Row


def pieces(data: bytes, size: int = 7) -> Iterator[bytes]:
    """Give a file as it may come over a wire."""
    return (data[start : start + size] for start in range(0, len(data), size))


def rows(data: bytes, size: int = 7) -> list[Row]:
    return list(open_reader(pieces(data, size), "csv", {}, guess=False).rows)


def values(data: bytes) -> list[object]:
    return [row.values for row in rows(data)]


def reasons(data: bytes, size: int = 7) -> dict[int, str]:
    return {row.line: row.reasons[0].text for row in rows(data, size) if row.values is None}


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
        b'"phone;x","first_name"\n1,Ann\n2,Bob\n'.replace(b"phone;x", b"phone"),
    ],
)
def test_reads_dialects(data: bytes) -> None:
    assert values(data) == ONE


def test_reads_quoted_cells() -> None:
    data = b'phone,custom_fields.note\r\n1,"two\r\nlines, ""quoted"""\r\n2,\xf0\x9f\x98\x80\n'
    found = rows(data)
    assert [row.values for row in found] == [
        {"phone": "1", "custom_fields": {"note": 'two\r\nlines, "quoted"'}},
        {"phone": "2", "custom_fields": {"note": "😀"}},
    ]
    assert [(row.line, row.last_line) for row in found] == [(2, 3), (4, 4)]
    assert b"".join(row.raw for row in found) == data.partition(b"\n")[2]


def test_reports_bad_rows_by_line_and_continues() -> None:
    data = (
        b'phone,first_name\n1,Ann,more\n2\n3,"not closed\n4,Dan\n"5"5,Eve\n6,\xff\n7,a\0b\n8,Hal\n'
    )
    assert [row.values["phone"] for row in rows(data) if row.values] == ["4", "8"]
    told = reasons(data)
    assert list(told) == [2, 3, 4, 6, 7, 8]
    words = ["3 cells", "1 cells", "quote", "quote", "UTF-8", "NUL"]
    assert all(word in text for word, text in zip(words, told.values(), strict=True))


@pytest.mark.parametrize("size", [3, 100])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_an_open_quote_swallows_nothing_up_to_the_end_of_the_file(size: int, end: bytes) -> None:
    data = b'phone,first_name\n1,"Ann\n2,Bob\n3,"Cid, ""x""\n4,Dan' + end
    found = rows(data, size)
    assert [row.line for row in found] == [2, 3, 4, 5]
    assert [row.values["phone"] if row.values else None for row in found] == [None, "2", None, "4"]


def test_reports_old_line_ends() -> None:
    with pytest.raises(InvalidInput) as refused:
        rows(b"phone,first_name\r1,Ann\r2,Bob\r")
    assert "carriage return" in refused.value.message


@pytest.mark.parametrize("size", [100, 2**16, 2**22])
def test_reports_what_is_too_long_and_continues(size: int) -> None:
    data = b"phone,first_name\n1," + b"x" * (MAX_BYTES + 10) + b"\n2,Bob\n3,Cid\n"
    assert list(reasons(data, size)) == [2]
    data = b'phone,first_name\n1,"' + b"x\n" * (MAX_BYTES // 2) + b"9,Zoe\n"
    found = rows(data, max(size, 2**16))
    assert found[0].values is None and "quote" in found[0].reasons[0].text
    assert found[-1].values == {"phone": "9", "first_name": "Zoe"}
    assert found[-1].line == MAX_BYTES // 2 + 2


def test_reports_a_long_cell() -> None:
    data = b"phone,first_name\n1," + b"x" * 140_000 + b"\n2,Bob\n"
    assert "too long" in reasons(data, 2**16)[2]


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b",,\n", b'"phone\n1\n', b"ph\xffone\n", "phone\n1\n".encode("utf-16"), b"\0\n"],
)
def test_refuses_a_file_without_a_header(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        rows(data)


def test_reports_a_cell_in_a_column_without_a_name() -> None:
    assert "no name" in reasons(b"phone,,first_name\n1,,Ann\n2,x,Bob\n")[3]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_reads_or_reports_any_bytes(data: bytes, size: int) -> None:
    found = rows(b"phone,first_name\n" + data, size)
    lines = [row.line for row in found]
    assert lines == sorted(set(lines))
    assert all(row.values is not None or row.reasons for row in found)
    assert all(row.line <= row.last_line for row in found)


@given(st.lists(st.lists(st.sampled_from(['"', "\n", "a", ",", '""', "\r\n"]), max_size=9)))
def test_rejected_rows_stand_as_they_stood(parts: list[list[str]]) -> None:
    data = "phone,first_name\n" + "\n".join("".join(part) for part in parts)
    source = open_reader([data.encode()], "csv", {}, guess=False)
    written = source.rejected.head
    bad = [row for row in source.rows if row.values is None]
    for row in bad:
        written += source.rejected.row(row, "why")
        assert row.raw.rstrip(b"\r\n") in written
    again = open_reader([written], "csv", {}, guess=False)
    assert [*again.columns] == ["rejected_line", "rejected_reason", "phone", "first_name"]


def test_a_rejected_file_is_rejected_without_its_old_reasons() -> None:
    data = b'rejected_line,rejected_reason,phone\r\n7,"bad, again",12\r\n8,x,13,14\r\n'
    source = open_reader([data], "csv", {}, guess=False)
    assert source.rejected.head == b"rejected_line,rejected_reason,phone\r\n"
    one, other = source.rows
    assert source.rejected.row(one, "why") == b"2,why,12\r\n"
    assert source.rejected.row(other, "why") == b"3,why,13,14\r\n"
