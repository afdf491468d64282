"""Recognizes the format of a file by its content, also those that cannot be read."""

import re
import zipfile
from pathlib import PurePath
from typing import BinaryIO

from app.errors import InvalidInput

FORMATS = ("csv", "jsonl", "xlsx", "vcf")
ANY = "application/octet-stream"  # The content says what it is; the OpenAPI document names it.
MEDIA_TYPES: dict[str, str | None] = {
    "text/csv": "csv",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/vcard": "vcf",
    ANY: None,
}
ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".xlsx", ".xlsm"), "xlsx"),
    **dict.fromkeys((".vcf", ".vcard"), "vcf"),
}
_HEAD = 4_096
_MARKS = re.compile(rb"\xef\xbb\xbf|\xff\xfe|\xfe\xff")
_BINARY = re.compile(rb"[\0-\x08\x0e-\x1f]")
_SAVE_AS = "open it in {program} and save it as .xlsx or CSV."
_EXCEL = "a spreadsheet program"
_AS_LINES = "write each contact on a line of its own (JSON Lines)."


def format_of(file: BinaryIO, *, name: str = "", declared: str | None = None) -> str:
    """Return the format of a seekable file by its content, its ending, or that of its media type.

    Raises `InvalidInput` for a format that cannot be read, with what to do.
    """
    if format := recognize(file):
        return format
    format = ENDINGS.get(PurePath(name).suffix.lower())
    if format == "xlsx" and _is_text(file):  # Some programs call their CSV so.
        return "csv"
    return format or declared or "csv"


def _is_text(file: BinaryIO) -> bool:
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    return not _BINARY.search(head)


def recognize(file: BinaryIO) -> str | None:
    """Return `xlsx`, `vcf` or `jsonl`; None where the content does not say, as with CSV.

    Raises `InvalidInput` for a format that cannot be read, with what to do.
    """
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(file)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        reason = "a legacy .xls workbook, or one with a password"
        raise _unreadable(reason, f"{_SAVE_AS.format(program=_EXCEL)[:-1]}, without a password.")
    text = _MARKS.sub(b"", head[:3], count=1) + head[3:]
    text = text.replace(b"\0", b"").lstrip().lower()  # UTF-16 too.
    if text.startswith(b"begin:vcard"):
        return "vcf"
    if text.startswith(b"{"):
        first, line_end, _ = text.partition(b"\n")
        if line_end and first.rstrip().endswith((b"{", b"[", b",")):
            raise _unreadable("one JSON value on several lines", _AS_LINES)
        return "jsonl"
    _reject_others(head, text)
    return None


def _reject_others(head: bytes, text: bytes) -> None:
    if text.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")):
        raise _unreadable("a web page, whatever its ending", _SAVE_AS.format(program=_EXCEL))
    if text.startswith(b"<?xml"):
        raise _unreadable("XML", _SAVE_AS.format(program=_EXCEL))
    if text.startswith(b"["):
        raise _unreadable("a JSON list", _AS_LINES)
    if head.startswith(b"%PDF"):
        raise _unreadable("a PDF", "export the contacts as .xlsx or CSV.")
    if head.startswith(b"\x1f\x8b"):
        raise _unreadable("compressed with gzip", "unpack it first.")


def _of_zip(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = {name.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _unreadable("a damaged or incomplete zip or .xlsx file", "save it again.") from None
    finally:
        file.seek(0)
    if any(name.startswith("xl/") and name.endswith("workbook.xml") for name in names):
        return "xlsx"
    if any(name.endswith("workbook.bin") for name in names):
        raise _unreadable("a binary .xlsb workbook", _SAVE_AS.format(program="Excel"))
    if "index/document.iwa" in names or "index.zip" in names:
        raise _unreadable("a Numbers file", "in Numbers, choose File > Export To > Excel or CSV.")
    if "content.xml" in names:
        raise _unreadable("an OpenDocument file (.ods)", _SAVE_AS.format(program="LibreOffice"))
    raise _unreadable("a zip file", "unpack it, and import the files in it one by one.")


def _unreadable(what: str, advice: str) -> InvalidInput:
    return InvalidInput({"file": [f"This is {what}: {advice}"]})
