"""Opens a file of any format to read: its columns, its rows, a writer of rejected rows."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, Protocol, cast

from app.errors import InvalidInput
from app.transfer import encodings, profiles
from app.transfer.columns import Layout, choose
from app.transfer.csv_table import CsvTable
from app.transfer.encodings import Encoding
from app.transfer.formats import format_of
from app.transfer.json_lines import JsonLines
from app.transfer.lines import Lines
from app.transfer.rejected import Rejected, RejectedCsv, RejectedJson, RejectedXlsx, csv_record
from app.transfer.rows import FileRow
from app.transfer.titles import MOST_TITLES, count_titles
from app.transfer.vcard_reader import VcardTable
from app.transfer.xlsx_reader import XlsxSheet

IN_MEMORY = 2**20  # Bytes of a file that are kept before it goes to the disk.
SAMPLED = 200  # Rows that are looked at to tell what a column has.


def spooled() -> BinaryIO:
    """Return a temporary file for what can be read only once, gone when it is closed."""
    return cast(BinaryIO, tempfile.SpooledTemporaryFile(IN_MEMORY))


@dataclass(frozen=True)
class Source:
    """A seekable file, and the options with which a person wants it read.

    `name` is the name of the file, `declared` the format of its media type. The members
    after them override what the file shows.
    """

    file: BinaryIO
    name: str = ""
    declared: str | None = None
    format: str | None = None
    encoding: Encoding | None = None
    sheet: str | None = None
    skip_lines: int | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)


class _Table(Protocol):
    header: list[str]

    def rows(self) -> Iterator[tuple[int, list[str]]]: ...


@dataclass(frozen=True)
class Opened:
    """A file that was looked at; `rows` reads it from its start, each time it is called.

    `layout` is None for JSON Lines, `encoding` for workbooks, and `table` for what is read line by
    line. `titles` counts the lines above the header.
    """

    source: Source
    format: str
    rejected: Rejected
    encoding: Encoding | None = None
    layout: Layout | None = None
    table: _Table | None = None
    header_line: int = 1
    titles: int = 0

    def rows(self) -> Iterator[FileRow]:
        if self.table:
            return _rows(self.table)
        lines = _lines(self.source.file, self.encoding or Encoding("utf-8"))
        if self.layout is None:
            return JsonLines(lines).rows(self.source.mapping)
        return CsvTable(lines, self.source.skip_lines).rows()

    def close(self) -> None:
        if isinstance(self.table, XlsxSheet):
            self.table.close()


def open_file(source: Source) -> Opened:
    """Look at a file: its format, encoding and columns. Close it after use.

    Raises `InvalidInput` where it cannot be read as a whole, or no column is the phone.
    """
    format = source.format or format_of(source.file, name=source.name, declared=source.declared)
    if format == "xlsx":
        return _open_sheet(source)
    encoding = encodings.detect(source.file, source.encoding)
    if format == "jsonl":  # JSON is UTF-8 (RFC 8259): a line in another encoding is rejected.
        encoding = encoding if encoding.is_certain else Encoding("utf-8")
        return Opened(source, format, RejectedJson(), encoding)
    if format == "vcf":
        cards = VcardTable(source.file, encoding)
        profile = profiles.named_profile("vCard")
        layout = choose(cards.header, source.mapping, _sample(_rows(cards)), profile)
        rejected = RejectedCsv(cards.header, ending=".csv")
        return Opened(source, format, rejected, encoding, layout, cards)
    table = CsvTable(_lines(source.file, encoding), source.skip_lines)
    rejected = RejectedCsv(table.header, table.delimiter)
    line, titles = table.header_line, table.titles
    try:
        layout = choose(table.header, source.mapping, _sample(table.rows()))
    except InvalidInput as error:
        raise error if encoding.is_certain else _naming_encoding(error, encoding) from None
    return Opened(source, format, rejected, encoding, layout, None, line, titles)


def _naming_encoding(error: InvalidInput, encoding: Encoding) -> InvalidInput:
    """Add to an error of columns that their names may be misread."""
    reason = f"The encoding is likely {encoding.label}: if the names look wrong, use --encoding."
    return InvalidInput({"map": [f"{(error.details or {})['map'][0]} {reason}"]})


def _open_sheet(source: Source) -> Opened:
    sheet = XlsxSheet(source.file, source.sheet, skip=source.skip_lines or 0)
    try:
        if source.skip_lines is None:
            head = [(sheet.header_line, sheet.header), *islice(sheet.rows(), MOST_TITLES - 1)]
            titles = count_titles(cells for _, cells in head)
            if titles:
                sheet.close()
                sheet = XlsxSheet(source.file, source.sheet, skip=head[titles][0] - 1)
        layout = choose(sheet.header, source.mapping, _sample(_rows(sheet)))
    except InvalidInput as error:
        sheet.close()
        raise _naming_sheets(error, sheet) from None
    except BaseException:
        sheet.close()
        raise
    header, line = sheet.header, sheet.header_line
    rejected: Rejected = RejectedXlsx(header)
    if len(header) > RejectedXlsx.most_columns:
        rejected = RejectedCsv(header, ending=".csv")
    return Opened(source, "xlsx", rejected, None, layout, sheet, line, line - 1)


def _naming_sheets(error: InvalidInput, sheet: XlsxSheet) -> InvalidInput:
    """Add the other sheets to an error that says what the columns of one lack."""
    others = " or ".join(f'"{name}"' for name in sheet.names[:20] if name != sheet.name)
    if not others or not error.details or "map" not in error.details:
        return error
    reason = f'This is the sheet "{sheet.name}": to read another, use --sheet {others}.'
    return InvalidInput({"map": [f"{error.details['map'][0]} {reason}"]})


def _rows(table: _Table) -> Iterator[FileRow]:
    for line, cells in table.rows():
        if any(cell.strip() for cell in cells):
            yield FileRow(line, line, csv_record(cells), cells)


def _sample(rows: Iterable[FileRow]) -> list[list[str]]:
    return [list(row.cells) for row in islice(rows, SAMPLED) if row.cells]


def _lines(file: BinaryIO, encoding: Encoding) -> Lines:
    return Lines(_with_line_feeds(encodings.decoded(file, encoding)))


def _with_line_feeds(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks of a file, with LF where all lines end with CR alone, as old Macs wrote them."""
    chunks = iter(chunks)
    first = next(chunks, b"")
    if b"\n" in first or b"\r" not in first:
        yield first
        yield from chunks
        return
    yield first.replace(b"\r", b"\n")
    yield from (chunk.replace(b"\r", b"\n") for chunk in chunks)
