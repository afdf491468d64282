"""Writes and parses the cells of a CSV file: texts, tags, and typed values of custom fields.

Parsing returns exactly what was written. A cell that a spreadsheet would run as a formula
(https://owasp.org/www-community/attacks/CSV_Injection) gets a `'` in front. Examples of cells of
custom fields: the number 12 is `12`, the string "12" is `"12"` in quotes, "pro" is `pro`, and
"=1+1" is `'=1+1`.
"""

import json
import math
import re
from collections.abc import Iterable

from app.contacts.model import MAX_INTEGER, FieldValue

_FORMULA_START = "=+\\-@\t\r\n＝＋－＠"
_FORMULA = re.compile(f"'*[{_FORMULA_START}]")
_ESCAPED_FORMULA = re.compile(f"'+[{_FORMULA_START}]")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "false": False, "TRUE": True, "FALSE": False}
_SPECIAL = re.compile(r'[",;\t\r\n]')
_TAGS = re.compile(r"(?:[^;\\]|\\.|\\$)+", re.DOTALL)
_ESCAPED = re.compile(r"\\([;\\])")
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
    return cell[1:] if _ESCAPED_FORMULA.match(cell) else cell


def tags(values: Iterable[str]) -> str:
    return text(";".join(tag.replace("\\", "\\\\").replace(";", "\\;") for tag in values))


def parse_tags(cell: str) -> list[str]:
    found = (_ESCAPED.sub(r"\1", part) for part in _TAGS.findall(parse_text(cell)))
    return [tag for tag in found if tag.strip()]


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


def parse_bare(cell: str) -> FieldValue:
    """Return a boolean, a number, or the text itself, also where the number would lose digits."""
    if cell in _BOOLEANS:
        return _BOOLEANS[cell]
    match = _NUMBER.fullmatch(cell)
    if not match:
        return cell
    if match[2] is match[3] is None:
        number = int(cell) if len(cell) <= 17 else MAX_INTEGER + 1
        return number if abs(number) <= MAX_INTEGER else cell
    real = float(cell)
    return real if math.isfinite(real) else cell
