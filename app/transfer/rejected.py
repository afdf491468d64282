"""Makes files of rejected rows, which can be corrected and imported again."""

import csv
import io
import json
import re
from collections.abc import Sequence

from app.transfer.rows import LINE, REASON, TEXT, FileRow, Row


class RejectedCsv:
    """Line, reason, then the row as it was. Rows of other formats are written as CSV."""

    def __init__(self, header: Sequence[str], delimiter: str = ",") -> None:
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

    def _record(self, *found: str) -> bytes:
        return csv_record(found, self._sign)


def csv_record(cells: Sequence[str], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerow(cells)
    return text.getvalue().encode()


class RejectedJson:
    """Each row as it was, with its line and the reason."""

    head = b""

    def row(self, row: Row | FileRow, reason: str) -> bytes:
        record: dict[str, object] = {LINE: row.line, REASON: reason}
        try:
            values = json.loads(row.raw)
        except ValueError:
            values = None
        if row.is_readable and isinstance(values, dict):
            record |= {name: each for name, each in values.items() if name not in record}
        elif isinstance(values, dict) and TEXT in values:
            record[TEXT] = values[TEXT]
        else:
            record[TEXT] = row.raw.decode(errors="backslashreplace").rstrip("\r\n")
        return json.dumps(record).encode() + b"\n"
