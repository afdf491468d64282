"""Reads the cells of columns of e-mail addresses."""

import re

from marshmallow import ValidationError

from app.contacts.fields import EMAIL
from app.transfer.phone_cells import is_blank

_BETWEEN = re.compile(r"[;,\s]+|:::")


def split_cell(cell: str) -> list[str]:
    """Return the addresses of a cell; the whole cell where it has other words too."""
    if not _BETWEEN.search(cell):
        return [cell]
    parts = [part for part in _BETWEEN.split(cell) if part and not is_blank(part)]
    return parts if all("@" in part for part in parts) else [cell]


def is_email(text: str) -> bool:
    try:
        EMAIL(text)
    except ValidationError:
        return False
    return True
