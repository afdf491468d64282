"""Reads vCards as a table: a row for each card, a column for each kind of property.

Columns that a card has more than once are numbered: `Phone mobile`, `Phone mobile (2)`. Preferred
numbers and addresses come first in their kind.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from app.errors import InvalidInput
from app.transfer import cells, encodings
from app.transfer.encodings import Encoding
from app.transfer.lines import Lines
from app.transfer.vcard_lines import Property, read_cards

MAX_REPEATED = 50
MAX_COLUMNS = 20_000
_ORDER = (
    *("id", "FN", "Given Name", "Family Name", "Middle Name", "Name Prefix", "Name Suffix"),
    *("Nickname", "Phone whatsapp", "Phone mobile", "Phone main", "Phone home", "Phone work"),
    *("Phone", "Phone other", "Phone fax", "Phone pager", "Email", "Categories", "Organization"),
    *("Department", "Title", "Role", "Birthday", "Anniversary", "Address", "URL", "Note"),
    *("created_at", "updated_at", "aliases"),
)
_TEXTS = {
    **{"FN": "FN", "NICKNAME": "Nickname", "TITLE": "Title", "ROLE": "Role", "NOTE": "Note"},
    **{"URL": "URL", "EMAIL": "Email", "X-CONTACTS-CREATED": "created_at"},
    **{"X-CONTACTS-UPDATED": "updated_at", "X-CONTACTS-ALIAS": "aliases"},
}
_NAMES = ("Family Name", "Given Name", "Middle Name", "Name Prefix", "Name Suffix")
_PHONE_TYPES = (
    *(("fax", "Phone fax"), ("pager", "Phone pager"), ("whatsapp", "Phone whatsapp")),
    *(("cell", "Phone mobile"), ("mobile", "Phone mobile"), ("iphone", "Phone mobile")),
    *(("main", "Phone main"), ("home", "Phone home"), ("work", "Phone work")),
)
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(T.*)?")
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")


class VcardTable:
    """The cards of a file: `header` has the columns of all of them, `rows` their cells.

    Raises `InvalidInput` where the file is cut short, or a card is too long.
    """

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file = file
        self._encoding = encoding
        file.seek(0)
        head = file.read(encodings.CHUNK)
        self._has_old_line_ends = b"\r" in head and b"\n" not in head
        most = dict.fromkeys(("FN", "Given Name", "Family Name"), 1)
        line = 0
        for line, card in self._cards():
            counts = Counter(column for column, _ in _values(card))
            for column, count in counts.items():
                if count > MAX_REPEATED or len(most) > MAX_COLUMNS:
                    reason = f"The card in line {line} has too many values: remove it."
                    raise InvalidInput({"file": [reason]})
                most[column] = max(count, most.get(column, 0))
        if not line:  # An export of no contacts.
            most["Phone mobile"] = 1
        self.header = [
            column if number == 1 else f"{column} ({number})"
            for column in sorted(most, key=_place)
            for number in range(1, most[column] + 1)
        ]
        if not line and head.strip():
            raise InvalidInput({"file": ["There is no contact in the file."]})

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the first line of each card and its cells. It can be called again."""
        places = {column: place for place, column in enumerate(self.header)}
        for line, card in self._cards():
            row = [""] * len(places)
            seen: Counter[str] = Counter()
            for column, value in _values(card):
                seen[column] += 1
                numbered = column if seen[column] == 1 else f"{column} ({seen[column]})"
                row[places[numbered]] = value
            yield line, row

    def _cards(self) -> Iterator[tuple[int, list[Property]]]:
        """Yield the cards of people, without those of groups."""
        chunks, charset = self._chunks()
        for line, card in read_cards(Lines(chunks), charset):
            kinds = {each.text().strip().lower() for each in card if each.name in _KINDS}
            if "group" not in kinds:
                yield line, card

    def _chunks(self) -> tuple[Iterable[bytes], str]:
        if self._encoding.name[:6] in ("utf-16", "utf-32"):
            return encodings.decoded(self._file, self._encoding), "utf-8"
        # Not decoded as a whole: properties name encodings of their own.
        self._file.seek(self._encoding.skip)
        chunks = iter(lambda: self._file.read(encodings.CHUNK), b"")
        if self._has_old_line_ends:
            chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
        return chunks, self._encoding.name


_GROUPS = ("CATEGORIES", "X-GROUP-MEMBERSHIP")  # The latter is of phones of Samsung.
_KINDS = ("KIND", "X-ADDRESSBOOKSERVER-KIND")


def _place(column: str) -> tuple[int, str]:
    return (_ORDER.index(column) if column in _ORDER else len(_ORDER)), column


def _values(card: list[Property]) -> list[tuple[str, str]]:
    """Return the columns and cells of a card, those that are preferred first."""
    labels = {
        each.group: _APPLE_LABEL.sub(r"\1", each.text().strip()).lower()
        for each in card
        if each.name == "X-ABLABEL"
    }
    found: list[tuple[str, str]] = []
    for each in sorted(card, key=lambda each: each.preference):
        found += ((column, value) for column, value in _columns(each, labels) if value)
    tags = [tag for each in card if each.name in _GROUPS for tag in _tags(each)]
    if tags:
        found.append(("Categories", cells.tags(dict.fromkeys(tags))))
    # The name of a card without one is its number or address, which is no name.
    others = {value for column, value in found if column.startswith(("Phone", "Email"))}
    return [
        (column, _as_cell(column, value))
        for column, value in found
        if column != "FN" or value not in others
    ]


def _columns(found: Property, labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    name, text = found.name, found.text().strip()
    if name in _TEXTS:
        yield _TEXTS[name], text
    elif name == "N":
        yield from zip(_NAMES, found.parts(), strict=False)
    elif name == "TEL":
        yield _phone_column(found, labels.get(found.group, "")), _phone(text)
    elif name in ("X-WHATSAPP", "X-WHATSAPP-NUMBER"):
        yield "Phone whatsapp", _phone(text)
    elif name == "ORG":
        organization, *departments = found.parts()
        yield "Organization", organization
        yield "Department", ", ".join(filter(None, departments))
    elif name in ("BDAY", "ANNIVERSARY"):
        yield ("Birthday" if name == "BDAY" else "Anniversary"), _date(found)
    elif name == "ADR":
        yield "Address", ", ".join(filter(None, found.parts()))
    elif name == "UID" and text.startswith("cnt_"):
        yield "id", text
    elif name == "X-CONTACTS-FIELD" and (key := found.parameters.get("x-key")):
        yield f"custom_fields.{key}", found.text()


def _phone_column(found: Property, label: str) -> str:
    kinds = {kind.removeprefix("x-") for kind in (*found.types, *label.split())}
    column = next((column for kind, column in _PHONE_TYPES if kind in kinds), None)
    return column or ("Phone other" if label or "other" in kinds else "Phone")


def _phone(text: str) -> str:
    return text[4:] if text[:4].lower() == "tel:" else text


def _date(found: Property) -> str:
    text = found.text().strip()
    match = _DATE.fullmatch(text)
    if not match:
        return text
    year, month, day = match.group(1, 2, 3)
    if found.parameters.get("x-apple-omit-year") == year:
        return f"--{month}-{day}"
    return f"{year}-{month}-{day}"


def _tags(found: Property) -> list[str]:
    return [tag for tag in found.parts(",;" if found.version == "2.1" else ",") if tag]


def _as_cell(column: str, value: str) -> str:
    """Return a value so that what reads cells takes away no apostrophe of its own."""
    is_written = column == "Categories" or column.startswith("custom_fields.")
    return f"'{value}" if not is_written and cells.parse_text(value) != value else value
