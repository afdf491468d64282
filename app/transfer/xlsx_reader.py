"""Reads a sheet of an .xlsx workbook row by row, each cell as a person sees it (ECMA-376 part 1).

Nothing is unpacked into memory: the sheet is parsed while it is decompressed, and the texts that
cells share are kept in a temporary file.
"""

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO
from xml.parsers import expat

from app.errors import InvalidInput
from app.transfer.xlsx_cells import Formats, Show, cell_text
from app.transfer.xlsx_texts import SharedTexts
from app.transfer.xlsx_xml import Attributes, TooLong, parse

MAX_PART = 2**30  # Bytes of a part when it is unpacked.
MAX_COLUMNS = 16_384
_MAX_CELL = 2**20
_MAX_FEW = 2**16  # Cells and letters.
_PROBLEMS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, expat.ExpatError, NotImplementedError),
    *(RuntimeError, StopIteration, ValueError, KeyError, UnicodeError),
)


class XlsxSheet:
    """One sheet: its `header`, the first row with a cell, and the `rows` after it.

    `names` are the sheets that a person sees; `name` is the one that is read, the first without
    `sheet`. `skip` leaves out that many rows at the top. The file stays open and is not closed.
    Raises `InvalidInput`, also while rows are read.
    """

    def __init__(self, file: BinaryIO, sheet: str | None = None, *, skip: int = 0) -> None:
        self._texts = SharedTexts()
        self._skip = skip
        self._few: list[tuple[int, list[str]]] | None = None
        try:
            with _readable():
                self._zip = zipfile.ZipFile(file)
                self._open(sheet)
                self.header_line, self.header = next(self._all_rows(), (0, []))
            if not self.header:
                raise _refused(f'The sheet "{self.name}" is empty.')
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._texts.close()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each row in the sheet and its cells, as many as the header has.

        Rows without any cell are left out. It can be called again, and then starts again. A few
        rows are kept: below them a sheet can have a million empty ones, which take seconds.
        """
        if self._few is not None:
            yield from self._few
            return
        width, size = len(self.header), 0
        few: list[tuple[int, list[str]]] = []
        with _readable():
            rows = self._all_rows()
            next(rows, None)
            for number, cells in rows:
                row = number, cells + [""] * (width - len(cells))
                if size <= _MAX_FEW:
                    size += len(row[1]) + sum(map(len, cells))
                    few.append(row)
                yield row
        if size <= _MAX_FEW:
            self._few = few

    def _open(self, sheet: str | None) -> None:
        parts = {name.lower(): name for name in self._zip.namelist()}
        root = self._relations("", parts)
        book = next(target for kind, target in root.values() if kind == "officeDocument")
        relations = self._relations(book, parts)
        workbook = _Workbook()
        self._parse(book, workbook.start)
        sheets = {
            name: relations[id][1]
            for name, id in workbook.sheets
            if relations.get(id, ("", ""))[0] == "worksheet"
        }
        self.names = list(sheets)
        self.name = sheet if sheet is not None else next(iter(sheets), "")
        if self.name not in sheets:
            known = ", ".join(f'"{name}"' for name in self.names[:20])
            raise _refused(f'There is no sheet "{self.name}": the file has {known or "none"}.')
        self._part = sheets[self.name]
        self._formats = Formats(since_1904=workbook.since_1904)
        for kind, target in relations.values():
            if kind == "styles":
                self._parse(target, self._formats.start)
            elif kind == "sharedStrings":
                self._texts.read(lambda *handlers, part=target: self._parse(part, *handlers))

    def _relations(self, part: str, parts: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Return the kind and the name of each part that a part refers to, by its id."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}

        def start(_: str, attributes: Attributes) -> None:
            if "Id" in attributes and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes["Target"]))[1:]
                kind = attributes["Type"].rpartition("/")[2]
                found[attributes["Id"]] = kind, parts.get(target.lower(), target)

        self._parse(parts[posixpath.join(folder, "_rels", f"{name}.rels").lower()], start)
        return found

    def _parse(self, part: str, *handlers: Callable[..., None]) -> None:
        with self._opened(part) as stream:
            for _ in parse(stream, *handlers):
                pass

    @contextmanager
    def _opened(self, part: str) -> Iterator[BinaryIO]:
        # The reader of a zip never gives more than the size that the directory states.
        if (size := self._zip.getinfo(part).file_size) > MAX_PART:
            limit = f"{MAX_PART // 2**30} GiB"
            raise _refused(f"Its part {part} has {size:,} bytes when unpacked, over {limit}.")
        with self._zip.open(part) as stream:
            yield stream  # type: ignore[misc]

    def _all_rows(self) -> Iterator[tuple[int, list[str]]]:
        rows = _Rows(self._texts.get, self._formats.shows)
        with self._opened(self._part) as stream:
            for _ in parse(stream, rows.start, rows.end, rows.text):
                for number, cells in rows.taken():
                    if number > self._skip:
                        row = [""] * (max(cells) + 1)
                        for place, text in cells.items():
                            row[place] = text
                        yield number, row


class _Workbook:
    """The visible sheets of a workbook in their order, and how it counts days."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")
        elif tag == "sheet" and attributes.get("state", "visible") == "visible":
            id = next(value for name, value in attributes.items() if name.endswith(":id"))
            self.sheets.append((attributes["name"], id))


class _Rows:
    """Collects the rows of a sheet, each as its cells with a text by their column from 0."""

    def __init__(self, shared: Callable[[int], str], shows: list[Show]) -> None:
        self._shared = shared
        self._shows = shows
        self._columns: dict[str, int] = {}
        self._done: list[tuple[int, dict[int, str]]] = []
        self._number = 0
        self._cells: dict[int, str] = {}
        self._place = -1
        self._kind = self._style = ""
        self._text: list[str] = []
        self._size = 0
        self._is_open = False
        self._is_reading = False  # Sound in brackets above Japanese is not part of a text.

    def taken(self) -> list[tuple[int, dict[int, str]]]:
        done, self._done = self._done, []
        return done

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            place = attributes.get("r")
            self._place = self._column(place) if place else self._place + 1
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "0")
            self._text, self._size = [], 0
        elif tag in ("v", "t"):
            self._is_open = not self._is_reading
        elif tag == "rPh":
            self._is_reading = True
        elif tag == "row":
            self._number = int(attributes.get("r") or self._number + 1)
            self._place, self._cells = -1, {}

    def text(self, text: str) -> None:
        if self._is_open:
            self._text.append(text)
            self._size += len(text)
            if self._size > _MAX_CELL:
                raise TooLong

    def end(self, tag: str) -> None:
        if tag == "c":
            if self._text:
                style = int(self._style)
                show = self._shows[style] if style < len(self._shows) else None
                text = cell_text("".join(self._text), self._kind, show, self._shared)
                if text:
                    self._cells[self._place] = text
        elif tag in ("v", "t"):
            self._is_open = False
        elif tag == "rPh":
            self._is_reading = False
        elif tag == "row" and self._cells:
            self._done.append((self._number, self._cells))

    def _column(self, place: str) -> int:
        """Return the column of a cell such as AB12, from 0."""
        letters = place.rstrip("0123456789")
        if letters not in self._columns:
            number = 0
            for letter in letters:
                number = number * 26 + ord(letter) - 64
            if not 0 < number <= MAX_COLUMNS:
                raise ValueError(place)
            self._columns[letters] = number - 1
        return self._columns[letters]


@contextmanager
def _readable() -> Iterator[None]:
    """Raise `InvalidInput` for what is no workbook. What a workbook says is not repeated."""
    try:
        yield
    except InvalidInput:
        raise
    except TooLong:
        raise _refused("A cell is too long.") from None
    except _PROBLEMS:
        reason = "The .xlsx file is damaged or incomplete: open it in Excel and save it again."
        raise _refused(reason) from None


def _refused(reason: str) -> InvalidInput:
    return InvalidInput({"file": [reason]})
