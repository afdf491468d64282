"""A row of a file on its way in: where it stands, what it says, what is wrong with it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

LINE, REASON, TEXT = "rejected_line", "rejected_reason", "rejected_text"
"""What a file of rejected rows has beside their own columns; ignored when it is read again."""


class Reason(NamedTuple):
    """Why a row is refused; `column` is that of the file, None where it is all of the row."""

    column: str | None
    text: str


@dataclass(frozen=True)
class Row:
    """What stands in a file for one contact, up to its `last_line`.

    `values` are what a single upsert takes, with `created_at` perhaps; None where the row cannot
    be read, which `reasons` then tell. `raw` is the row as it stands in the file.
    """

    line: int
    last_line: int
    raw: bytes
    values: dict[str, Any] | None
    reasons: tuple[Reason, ...] = ()
