"""The format of a file by its content, and the remedy for one that cannot be read."""

import io
import zipfile

import pytest

from app.errors import InvalidInput
from app.transfer.formats import format_of, recognize
from tests.transfer.workbooks import workbook


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as new:
        for name in names:
            new.writestr(zipfile.ZipInfo(name), "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "format"),
    [
        (workbook("").getvalue(), "xlsx"),
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "vcf"),
        ("\r\nbegin:vcard\r\n".encode("utf-16"), "vcf"),
        (b'\xef\xbb\xbf{"phone": "+12065550101"}\n', "jsonl"),
        (b'{"phone":\n{"phone": "+12065550101"}\n', "jsonl"),
        (b"phone,first_name\n", None),
        (b"", None),
    ],
)
def test_recognizes_a_format(content: bytes, format: str | None) -> None:
    file = io.BytesIO(content)
    assert recognize(file) == format
    assert file.tell() == 0


def test_text_is_no_workbook_whatever_its_name() -> None:
    assert format_of(io.BytesIO("phone;name\r\n1;Zoë\r\n".encode("cp1252")), name="a.xlsx") == "csv"
    assert format_of(io.BytesIO(b"\x01\x00\x02"), name="a.xlsx") == "xlsx"
    assert format_of(io.BytesIO(b"{}"), name="a.xlsx") == "jsonl"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "legacy .xls.*save it as .xlsx or CSV, without a pass",
        ),
        (archive("mimetype", "content.xml"), "OpenDocument.*LibreOffice"),
        (archive("Index/Document.iwa"), "Numbers file: in Numbers, choose File"),
        (archive("xl/workbook.bin"), "xlsb"),
        (archive("a.csv", "b.csv"), "zip file: unpack it"),
        (archive("xl/workbook.xml")[:40], "damaged or incomplete"),
        (b"<html><table>", "web page"),
        (b'<?xml version="1.0"?><Workbook>', "XML"),
        (b'[{"phone": "+12065550101"}]', "JSON list.*on a line of its own"),
        (b'{\n  "contacts": [\n', "one JSON value on several lines.*on a line of its own"),
        (b'{"contacts": [\r\n{"phone": "1"}\r\n]}', "one JSON value on several lines"),
        ('{"a": 1,\n"b": 2}'.encode("utf-16"), "one JSON value on several lines"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_reason_for_an_unreadable_file_names_a_remedy(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        recognize(io.BytesIO(content))
