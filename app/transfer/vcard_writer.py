"""Writes contacts as vCards 3.0 (RFC 2426), which phones and address books read.

Custom fields are `X-CONTACTS-FIELD;X-KEY=plan:pro`, with the value as in a cell of a CSV file.
"""

import json
import re
from typing import Any

from app.transfer import cells
from app.transfer.mapping import untyped

_LINE = 75  # Bytes, without the line end.
_ESCAPED = re.compile(r"[\\;,]")
_PLAIN_KEY = re.compile(r"[\w -]+")


def card(view: dict[str, Any]) -> str:
    """Return the card of a contact's full view."""
    first, last = view["first_name"] or "", view["last_name"] or ""
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{view['id']}",
        f"N:{_text(last)};{_text(first)};;;",
        f"FN:{_text(f'{first} {last}'.strip() or '+' + view['phone'])}",
        f"TEL;TYPE=CELL:+{view['phone']}",
    ]
    if view["email"]:
        lines.append(f"EMAIL:{_text(view['email'])}")
    if view["tags"]:
        lines.append(f"CATEGORIES:{','.join(map(_text, view['tags']))}")
    lines += (
        f"X-CONTACTS-FIELD;X-KEY={_parameter(untyped(key))}:{_text(_value(value))}"
        for key, value in view["custom_fields"].items()
    )
    if view.get("aliases"):
        lines.append(f"X-CONTACTS-ALIAS:{_text(';'.join(view['aliases']))}")
    lines += (f"X-CONTACTS-CREATED:{view['created_at']}", f"REV:{view['updated_at']}", "END:VCARD")
    return "".join(_folded(line) for line in lines)


def _value(value: Any) -> str:
    """Return the cell of a value; one with a carriage return, which has no escape, as JSON."""
    if isinstance(value, str) and "\r" in value:
        return json.dumps(value, ensure_ascii=False)
    return cells.value(value)


def _text(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text).replace("\n", "\\n")


def _parameter(text: str) -> str:
    """Return the value of a parameter (RFC 6868)."""
    if _PLAIN_KEY.fullmatch(text):
        return text
    return '"' + text.replace("^", "^^").replace('"', "^'") + '"'


def _folded(line: str) -> str:
    """Return a line with its end, broken between letters where it is long."""
    if len(line) * 4 <= _LINE or len(line.encode()) <= _LINE:
        return f"{line}\r\n"
    pieces, size = [""], 0
    for letter in line:
        size += len(letter.encode())
        if size > _LINE:
            pieces.append(" ")
            size = 1 + len(letter.encode())
        pieces[-1] += letter
    return "\r\n".join(pieces) + "\r\n"
