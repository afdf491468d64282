"""Makes files of rejected rows, which can be corrected and imported again.

`ending` is that of the file, None for that of the file that is imported. Its bytes are `head`, what
`row` returns for each row, and `end`.
"""

import csv
import io
import json
import re
from collections.abc import Sequence

from app.transfer.rows import LINE, REASON, TEXT, FileRow, Row
from app.transfer.xlsx_writer import MAX_COLUMNS, XlsxWriter


class RejectedCsv:
    """Line, reason, then the row as it was. A card becomes a row: it has no place for a reason."""

    def __init__(
        self, header: Sequence[str], delimiter: str = ",", ending: str | None = None
    ) -> None:
        self.ending = ending
        sign = re.escape(delimiter)
        cell = rf'("([^"]|"")*"|[^{sign}"]*){sign}'
        again = [name.strip() for name in header[:2]] == [LINE, REASON]
        self._old = re.compile((cell * 2).encode()) if again else None
        self._sign = delimiter
        self.head = self._record(LINE, REASON, *header[2 if again else 0 :])

    def row(self, row: Row | FileRow, reason: str) -> bytes:
        raw = row.raw.rstrip(b"\r\n") + b"\r\n"
        if self._old:
            raw = self._old.sub(b"", raw, count=1) if self._old.match(raw) else raw
        return self._record(str(row.line), reason).rstrip() + self._sign.encode() + raw

    def end(self) -> bytes:
        return b""

    def _record(self, *found: str) -> bytes:
        return csv_record(found, self._sign)


def csv_record(cells: Sequence[str], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerow(cells)
    return text.getvalue().encode()


class RejectedXlsx:
    """Line, reason, then the cells of the row as they are shown, all as text."""

    head = b""
    most_columns = MAX_COLUMNS - 2

    ending = ".xlsx"

    def __init__(self, header: Sequence[str]) -> None:
        self._kept = 2 if [name.strip() for name in header[:2]] == [LINE, REASON] else 0
        self._header = [LINE, REASON, *header[self._kept :]]
        self._writer: XlsxWriter | None = None

    def row(self, row: Row | FileRow, reason: str) -> bytes:
        [cells] = csv.reader([row.raw.decode()])
        cells = [str(row.line), reason, *cells[self._kept :]]
        size = len(self._header)
        self._writer = self._writer or XlsxWriter(self._header, "Rejected")
        return self._writer.rows([[*cells, *[""] * (size - len(cells))][:size]])

    def end(self) -> bytes:
        return self._writer.end() if self._writer else b""


class RejectedJson:
    """Each row as it was, with its line and the reason."""

    ending = None
    head = b""

    def row(self, row: Row | FileRow, reason: str) -> bytes:
        record: dict[str, object] = {LINE: row.line, REASON: reason}
        try:
            values = json.loads(row.raw)
        except (ValueError, RecursionError):
            values = None
        if row.is_readable and isinstance(values, dict):
            record |= {name: each for name, each in values.items() if name not in record}
        elif isinstance(values, dict) and TEXT in values:
            record[TEXT] = values[TEXT]
        else:
            record[TEXT] = row.raw.decode(errors="backslashreplace").rstrip("\r\n")
        return json.dumps(record).encode() + b"\n"

    def end(self) -> bytes:
        return b""


Rejected = RejectedCsv | RejectedXlsx | RejectedJson
