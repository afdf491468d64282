"""Writes a workbook (.xlsx, ECMA-376) row by row to a stream, in bounded memory.

A text is a cell of text, which no spreadsheet runs or converts, whatever it looks like. When a
sheet is full, the next one starts with the same header.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO
from xml.sax.saxutils import escape

MAX_ROWS = 1_048_576  # With the header.
MAX_SHEET = 2**30  # Bytes, since spreadsheets do not read a part that needs Zip64.
MAX_COLUMNS = 16_384
MAX_TEXT = 32_767  # Characters of a cell.

_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TEXT, _HEAD = 1, 2  # Styles: the format @, so that a text stays one when it is edited; bold.
_FONT = '<sz val="11"/><name val="Calibri"/>'
_PLAIN = 'numFmtId="0" fontId="0" fillId="0" borderId="0"'
_STYLES = (
    f'<styleSheet {_MAIN}><fonts count="2"><font>{_FONT}</font><font><b/>{_FONT}</font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1"><xf {_PLAIN}/></cellStyleXfs>'
    f'<cellXfs count="3"><xf {_PLAIN} xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)

Cell = str | int | float | bool | None


class XlsxWriter:
    """A workbook that is written: `rows` and `end` return the next bytes of the file."""

    def __init__(self, header: Sequence[str], sheet: str = "Contacts") -> None:
        """Raise ValueError where a sheet has too few columns for the header."""
        if len(header) > MAX_COLUMNS:
            raise ValueError(f"a sheet has at most {MAX_COLUMNS:,} columns")
        self._header = header
        self._letters = [_letters(place) for place in range(len(header))]
        self._name = sheet
        self._buffer = _Buffer()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._sheets = 0
        self._start_sheet()

    def rows(self, rows: Sequence[Sequence[Cell]]) -> bytes:
        """Write rows whose cells stand under the header."""
        for cells in rows:
            if self._row == MAX_ROWS or self._size > MAX_SHEET:
                self._end_sheet()
                self._start_sheet()
            self._write(self._row_of(cells, _TEXT))
        return self._buffer.take()

    def end(self) -> bytes:
        self._end_sheet()
        for name, content in self._parts():
            self._zip.writestr(name, _XML + content)
        self._zip.close()
        return self._buffer.take()

    def _start_sheet(self) -> None:
        self._sheets += 1
        self._row = self._size = 0
        self._part: IO[bytes] = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        width = f'<cols><col min="1" max="{len(self._header)}" width="18" customWidth="1"/></cols>'
        self._write(
            f'{_XML}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" '
            f'topLeftCell="A2" state="frozen"/></sheetView></sheetViews>{width}<sheetData>'
        )
        self._write(self._row_of(self._header, _HEAD))

    def _end_sheet(self) -> None:
        self._write("</sheetData></worksheet>")
        self._part.close()

    def _write(self, text: str) -> None:
        self._part.write(data := text.encode())
        self._size += len(data)

    def _row_of(self, cells: Sequence[Cell], style: int) -> str:
        self._row += 1
        row = self._row
        found = (
            _cell(f"{letters}{row}", cell, style)
            for letters, cell in zip(self._letters, cells, strict=True)
            if cell is not None and cell != ""
        )
        return f'<row r="{row}">{"".join(found)}</row>'

    def _parts(self) -> Iterator[tuple[str, str]]:
        numbers = range(1, self._sheets + 1)
        names = [self._name if number == 1 else f"{self._name} {number}" for number in numbers]
        sheets = "".join(
            f'<sheet name="{name}" sheetId="{number}" r:id="s{number}"/>'
            for number, name in enumerate(names, 1)
        )
        yield (
            "xl/workbook.xml",
            f'<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>',
        )
        targets = {f"s{each}": ("worksheet", f"worksheets/sheet{each}.xml") for each in numbers}
        targets["styles"] = "styles", "styles.xml"
        yield "xl/_rels/workbook.xml.rels", _relations(targets)
        yield "xl/styles.xml", _STYLES
        yield "_rels/.rels", _relations({"book": ("officeDocument", "xl/workbook.xml")})
        kinds = {f"/xl/worksheets/sheet{each}.xml": "worksheet" for each in numbers}
        kinds |= {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles"}
        overrides = "".join(
            f'<Override PartName="{part}" ContentType="{_SPREADSHEET}.{kind}+xml"/>'
            for part, kind in kinds.items()
        )
        yield (
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        )


class _Buffer:
    """A file that cannot be rewound: what is written is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """The writer of the zip file asks for it."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _cell(place: str, cell: Cell, style: int) -> str:
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{place}"><v>{cell!r}</v></c>'
    text = escape(_FORBIDDEN.sub(lambda match: f"_x{ord(match[0]):04X}_", cell or ""))
    kind = f't="inlineStr" s="{style}"'
    return f'<c r="{place}" {kind}><is><t xml:space="preserve">{text}</t></is></c>'


def _letters(place: int) -> str:
    """Return the letters of a column from 0: A, B, …, Z, AA."""
    letters = ""
    place += 1
    while place:
        place, last = divmod(place - 1, 26)
        letters = chr(65 + last) + letters
    return letters


def _relations(targets: dict[str, tuple[str, str]]) -> str:
    found = "".join(
        f'<Relationship Id="{id}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for id, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{found}</Relationships>'
