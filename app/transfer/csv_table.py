"""Reads CSV as spreadsheets write it, row by row; a row that cannot be read is reported."""

import csv
import re
from collections.abc import Iterator
from itertools import islice

from app.errors import InvalidInput
from app.transfer.lines import MAX_BYTES, Lines
from app.transfer.rows import FileRow
from app.transfer.titles import MOST_TITLES, count_titles

MAX_COLUMNS = 20_000
DELIMITERS = ",;\t|"
_SEP = re.compile(rb'"?sep=([,;\t|])"?[,;\t|]*\r?\n?', re.IGNORECASE)
_MAX_PLAIN = 2**16  # Bytes; the CSV reader checks longer rows.
_QUOTE = "A quote is opened and not closed, or text follows a closing quote."
_TOO_LONG = "A cell is too long, or a quote is not closed."
_OLD_LINE_ENDS = "Has a carriage return without LF: save the file with LF or CRLF line ends."
_NOT_UTF_8 = "Not UTF-8, as other lines are: save the file as CSV UTF-8."


class CsvTable:
    """A CSV file, whose `header` and `delimiter` are read at once and whose rows are streamed.

    `skip_lines` lines above the header are left out; None leaves out those that look like titles.
    `titles` counts them. Raises `InvalidInput` where the header cannot be read.
    """

    def __init__(self, lines: Lines, skip_lines: int | None = None) -> None:
        self._lines = lines
        self._read: list[bytes] = []
        self._fault: str | None = None
        self.delimiter = ""
        first = next(lines, b"")
        if sep := _SEP.fullmatch(first):
            self.delimiter = sep[1].decode()
        else:
            lines.give_back([first])
        self.titles = self._skip_titles() if skip_lines is None else self._skip(skip_lines)
        if not self.delimiter:
            head = next(lines, b"")
            self.delimiter = _delimiter(head)
            lines.give_back([head])
        self._reader = self._new_reader()
        self.header_line = lines.number + 1
        self.header = self._header()

    def _skip(self, count: int) -> int:
        return sum(1 for _ in islice(self._lines, count))

    def _skip_titles(self) -> int:
        head = list(islice(self._lines, MOST_TITLES))
        self._lines.give_back(head)
        rows = (_cells(line, self.delimiter or _delimiter(line)) for line in head)
        return self._skip(count_titles(rows))

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._texts(), delimiter=self.delimiter, strict=True)

    def _header(self) -> list[str]:
        try:
            found = next(self._reader, [])
        except csv.Error as error:
            self._fault = self._fault or _reason(error)
        if self._fault:
            raise InvalidInput({"header": [self._fault]})
        has_names = any(map(str.strip, found))
        if not has_names and not any(map(bytes.strip, self._lines)):
            raise InvalidInput({"file": ["The file is empty."]})
        if not has_names or len(found) > MAX_COLUMNS:
            reason = f"The first line must name the columns, at most {MAX_COLUMNS:,}."
            raise InvalidInput({"header": [reason]})
        return found

    def _texts(self) -> Iterator[str]:
        """Yield lines to the CSV reader, and keep the lines of the current row."""
        size = 0
        for line in self._lines:
            size = len(line) + (size if self._read else 0)
            self._read.append(line)
            if size > MAX_BYTES:
                self._fault = f"Longer than {MAX_BYTES} bytes, or a quote is not closed."
                # Makes the CSV reader raise, inside quotes or not, which ends the row.
                yield '"x"x'
                continue
            if b"\0" in line:
                self._fault = "Has a NUL character."
            try:
                yield line.decode()
            except UnicodeDecodeError:
                self._fault = _NOT_UTF_8
                yield line.decode(errors="replace")

    def rows(self) -> Iterator[FileRow]:
        """Yield all rows except empty ones.

        A line without quotes is split as it is, which takes a fraction of the time.
        """
        lines, sign = self._lines, self.delimiter
        for raw in lines:
            if b'"' in raw or b"\0" in raw or len(raw) > _MAX_PLAIN:
                lines.give_back([raw])
                yield from self._next_row()
                continue
            try:
                text = raw.decode().rstrip("\r\n")
            except UnicodeDecodeError:
                yield FileRow(lines.number, lines.number, raw, fault=_NOT_UTF_8)
                continue
            if "\r" in text:
                yield FileRow(lines.number, lines.number, raw, fault=_OLD_LINE_ENDS)
                continue
            found = text.split(sign)
            if any(map(str.strip, found)):
                yield FileRow(lines.number, lines.number, raw, found)

    def _next_row(self) -> Iterator[FileRow]:
        """Yield the next row, if it is not empty, as the CSV reader of Python understands it."""
        self._read = []
        self._fault = None
        line = self._lines.number + 1
        try:
            found = next(self._reader, [])
        except csv.Error as error:
            yield self._bad_row(line, self._fault or _reason(error))
            return
        last, raw = self._lines.number, b"".join(self._read)
        if self._fault:
            yield FileRow(line, last, raw, fault=self._fault)
        elif any(map(str.strip, found)):
            yield FileRow(line, last, raw, found)

    def _bad_row(self, line: int, reason: str) -> FileRow:
        """Reject the first line only: the lines after it can be rows of their own."""
        first, *others = self._read
        self._lines.give_back(others)
        self._reader = self._new_reader()  # The old one may have read to the end of the file.
        return FileRow(line, line, first, fault=reason)


def _delimiter(header: bytes) -> str:
    """Return the separator of the columns: the most frequent in the header, outside quotes."""
    plain = re.sub(rb'"[^"]*"', b"", header)
    return max(DELIMITERS, key=lambda sign: plain.count(sign.encode()))


def _cells(line: bytes, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line.decode(errors="replace")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _reason(error: Exception) -> str:
    text = str(error)
    if "new-line character" in text:
        return _OLD_LINE_ENDS
    return _TOO_LONG if "field larger" in text else _QUOTE
