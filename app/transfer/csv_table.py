"""Reads CSV as spreadsheets write it, row by row; a row that cannot be read is reported."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from app.errors import InvalidInput
from app.search.operands import CUSTOM
from app.transfer import cells
from app.transfer.columns import Columns
from app.transfer.lines import MAX_BYTES, Lines
from app.transfer.rows import LINE, REASON, Reason, Row

MAX_COLUMNS = 20_000
_TEXTS = ("first_name", "last_name", "email", "phone", "id", "created_at", "updated_at")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_QUOTE = "A quote is opened and not closed, or text follows a closing quote."
_TOO_LONG = "A cell is too long, or a quote is not closed."
_OLD_LINE_ENDS = "Has a carriage return without LF: save the file with LF or CRLF line ends."
_NOT_UTF_8 = "Not UTF-8: save the file as CSV UTF-8."


class CsvTable:
    """A CSV file, whose `header` and `delimiter` are read at once and whose rows are streamed.

    Raises `InvalidInput` where the header cannot be read.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._read: list[bytes] = []
        self._fault: str | None = None
        first = next(lines, b"").removeprefix(b"\xef\xbb\xbf")
        if first.startswith(_UTF_16):
            raise InvalidInput({"header": ["The file is UTF-16: save it as CSV UTF-8."]})
        if sep := re.fullmatch(rb'"?sep=([,;\t|])"?\r?\n', first, re.IGNORECASE):
            self.delimiter = sep[1].decode()
            first = next(lines, b"")
        else:
            self.delimiter = _delimiter(first)
        lines.give_back([first])
        self._reader = self._new_reader()
        self.header = self._header()

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._texts(), delimiter=self.delimiter, strict=True)

    def _header(self) -> list[str]:
        try:
            found = next(self._reader, [])
        except csv.Error as error:
            self._fault = self._fault or _reason(error)
        if self._fault:
            raise InvalidInput({"header": [self._fault]})
        if not any(found) or len(found) > MAX_COLUMNS:
            reason = f"The first line must name the columns, at most {MAX_COLUMNS}."
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

    def rows(self, columns: Columns) -> Iterator[Row]:
        """Yield all rows except empty ones."""
        values = _Values(columns)
        while True:
            self._read = []
            self._fault = None
            line = self._lines.number + 1
            try:
                found = next(self._reader, None)
            except csv.Error as error:
                yield self._bad_row(line, self._fault or _reason(error))
                continue
            if found is None:
                return
            last, raw = self._lines.number, b"".join(self._read)
            if self._fault:
                yield Row(line, last, raw, None, (Reason(None, self._fault),))
            elif any(map(str.strip, found)):
                yield values.row(line, last, raw, found)

    def _bad_row(self, line: int, reason: str) -> Row:
        """Reject the first line only: the lines after it can be rows of their own."""
        first, *others = self._read
        self._lines.give_back(others)
        self._reader = self._new_reader()  # The old one may have read to the end of the file.
        return Row(line, line, first, None, (Reason(None, reason),))


class _Values:
    """Converts the cells of a row to the members of a `POST /v1/contacts`."""

    def __init__(self, columns: Columns) -> None:
        self._names = columns.names
        targets = list(enumerate(columns.targets))
        self._count = len(targets)
        self._texts = [(place, name) for place, name in targets if name in _TEXTS]
        self._tags = [place for place, name in targets if name == "tags"]
        self._fields = [
            (place, name.removeprefix(CUSTOM)) for place, name in targets if name.startswith(CUSTOM)
        ]
        self._unnamed = [place for place, name in enumerate(columns.names) if not name]

    def row(self, line: int, last_line: int, raw: bytes, found: list[str]) -> Row:
        if len(found) != self._count:
            reason = f"Has {len(found)} cells, the header has {self._count}."
            return Row(line, last_line, raw, None, (Reason(None, reason),))
        for place in self._unnamed:
            if found[place]:
                reason = f"Has a cell in column {place + 1}, which has no name."
                return Row(line, last_line, raw, None, (Reason(None, reason),))
        return Row(line, last_line, raw, self._values(found))

    def _values(self, found: Sequence[str]) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: cells.parse_text(cell) for place, name in self._texts if (cell := found[place])
        }
        for place in self._tags:
            if tags := cells.parse_tags(found[place]):
                values["tags"] = tags
        fields = {
            key: cells.parse_value(cell) for place, key in self._fields if (cell := found[place])
        }
        if fields:
            values["custom_fields"] = fields
        return values


def _delimiter(header: bytes) -> str:
    """Return the separator of the columns: the most frequent in the header, outside quotes."""
    plain = re.sub(rb'"[^"]*"', b"", header)
    return max(",;\t", key=lambda sign: plain.count(sign.encode()))


def _reason(error: Exception) -> str:
    text = str(error)
    if "new-line character" in text:
        return _OLD_LINE_ENDS
    return _TOO_LONG if "field larger" in text else _QUOTE


class RejectedCsv:
    """Makes a file of rejected rows: line, reason, then the row as it was."""

    def __init__(self, table: CsvTable) -> None:
        sign = re.escape(table.delimiter)
        cell = rf'("([^"]|"")*"|[^{sign}"]*){sign}'
        again = [name.strip() for name in table.header[:2]] == [LINE, REASON]
        self._old = re.compile((cell * 2).encode()) if again else None
        self._sign = table.delimiter
        self.head = self._record(LINE, REASON, *table.header[2 if again else 0 :])

    def row(self, row: Row, reason: str) -> bytes:
        raw = row.raw.rstrip(b"\r\n") + b"\r\n"
        if self._old:
            raw = self._old.sub(b"", raw, count=1) if self._old.match(raw) else raw
        return self._record(str(row.line), reason).rstrip() + self._sign.encode() + raw

    def _record(self, *found: str) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=self._sign).writerow(found)
        return text.getvalue().encode()
