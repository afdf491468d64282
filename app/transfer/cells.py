"""Writes and parses the cells of a file: texts, lists of tags, and values of custom fields.

Parsing returns exactly what was written. A cell that a spreadsheet would run as a formula
(https://owasp.org/www-community/attacks/CSV_Injection) gets a `'` in front. Examples of cells of
custom fields: the number 12 is `12`, the string "12" is `"12"` in quotes, "pro" is `pro`, and
"=1+1" is `'=1+1`.
"""

import csv
import json
import math
import re
from collections.abc import Iterable

from app.contacts.model import MAX_INTEGER, FieldValue

_FORMULA_START = "=+\\-@\t\r\n＝＋－＠"
_FORMULA = re.compile(f"'*[{_FORMULA_START}]")
_ESCAPED_FORMULA = re.compile(f"'+[{_FORMULA_START}]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-][0-9]+)?")
_NUMBER_START = frozenset("-0123456789")
_BOOLEANS = {"true": True, "false": False}
_MARKED = re.compile(r"""="([^"]*)"|'([0-9]+)""")
_SPECIAL = re.compile(r'[",;\t\r\n]')
_TAGS = re.compile(r"(?:[^;\\]|\\.|\\$)+", re.DOTALL)
_ESCAPED = re.compile(r"\\([;\\])")
_QUOTED_LIST = re.compile(r'\s*"([^"]|"")*"(\s*,\s*"([^"]|"")*")*\s*')
SYSTEM_GROUP = "* "  # Google's, such as "* myContacts".
LIST_SIGN = ":::"  # Between the values of a cell, in files of Google Contacts.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def record(cells: Iterable[str]) -> str:
    """Return one record (RFC 4180). Cells with `;` or a tab are quoted too, as other separators."""
    return (
        ",".join(
            '"' + cell.replace('"', '""') + '"' if _SPECIAL.search(cell) else cell for cell in cells
        )
        + "\r\n"
    )


def text(value: str | None) -> str:
    """Return the cell of a text, which no spreadsheet runs; empty for None."""
    if not value:
        return ""
    return f"'{value}" if _FORMULA.match(value) else value


def parse_text(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _ESCAPED_FORMULA.match(cell) else cell


def spreadsheet_text(cell: str) -> str | None:
    """Return the text that a person marked as one for a spreadsheet, by `="…"` or an apostrophe."""
    if cell[:1] in ("=", "'") and (match := _MARKED.fullmatch(cell.strip())):
        return match[1] if match[1] is not None else match[2]
    return None


def tags(values: Iterable[str]) -> str:
    return text(";".join(tag.replace("\\", "\\\\").replace(";", "\\;") for tag in values))


def parse_tags(cell: str) -> list[str]:
    """Return the tags of a cell that this service wrote: `;` between, `\\;` and `\\\\` inside."""
    text = parse_text(cell)
    if "\\" not in text:
        return [tag for tag in text.split(";") if tag.strip()]
    found = (_ESCAPED.sub(r"\1", part) for part in _TAGS.findall(text))
    return [tag for tag in found if tag.strip()]


def split_tags(cell: str, separator: str | None) -> list[str]:
    """Return the tags of a cell that another program wrote.

    They are separated by `separator`, or where there is none by `;` or ` ::: `. In any case
    `"VIP","Spring 2024, Blog"` are two tags, and so are two lines.
    """
    if cell[:1] == "[" and (listed := _json_list(cell)) is not None:
        found = listed
    elif '"' in cell and _QUOTED_LIST.fullmatch(cell):
        found = next(csv.reader([cell.strip()], skipinitialspace=True))
    elif separator:
        found = cell.split(separator)
    else:
        found = [tag for part in cell.split(LIST_SIGN) for tag in parse_tags(part)]
    return [tag for each in found for line in each.splitlines() if (tag := line.strip())]


def _json_list(cell: str) -> list[str] | None:
    """Return the texts of a list as JSON or Python writes it; None where it is none."""
    text = cell.strip()
    if "'" in text and '"' not in text:
        text = text.replace("'", '"')
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(each, str) for each in found) else None


def value(value: FieldValue | None) -> str:
    """Return the cell of a custom field; a string that reads as another type is quoted as JSON."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return _encode(value)
    if not value or value[0] == '"' or not isinstance(parse_bare(value), str):
        return _encode(value)
    return text(value)


def parse_value(cell: str) -> FieldValue | None:
    """Return the value of a cell of a custom field; None where it is empty."""
    if not cell:
        return None
    if cell[0] == '"':
        try:
            found = json.loads(cell)
        except ValueError:
            return cell
        return found if isinstance(found, str) else cell
    return parse_bare(parse_text(cell))


def parse_string(cell: str) -> str:
    """Return the text of a cell of a custom field that has a type, without JSON's quotes."""
    found = parse_value(cell) if cell[:1] == '"' else parse_text(cell)
    return found if isinstance(found, str) else cell


def parse_bare(cell: str) -> FieldValue:
    """Return a number or boolean where a cell is exactly its JSON, else the text itself.

    What would come back in another form stays text: `1.10`, `12E4`, `007`, and too many digits.
    """
    if cell[:1] not in _NUMBER_START:
        return _BOOLEANS.get(cell, cell)
    match = _NUMBER.fullmatch(cell)
    if not match:
        return cell
    if match[2] is match[3] is None:
        number = int(cell) if len(cell) <= 17 else MAX_INTEGER + 1
        return number if abs(number) <= MAX_INTEGER and str(number) == cell else cell
    real = float(cell)
    return real if math.isfinite(real) and repr(real) == cell else cell
