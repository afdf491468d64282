"""A row of an imported file: its lines, its values, and the reasons if it cannot be read."""

from dataclasses import dataclass
from typing import Any, NamedTuple

LINE, REASON, TEXT = "rejected_line", "rejected_reason", "rejected_text"
"""The columns added in a file of rejected rows; ignored when it is imported again."""


class Reason(NamedTuple):
    """Why a row is rejected; `column` is one of the file, None for the whole row."""

    column: str | None
    text: str


@dataclass(frozen=True)
class Row:
    """One contact of a file, from `line` to `last_line`, which count from 1.

    `values` has the members of a `POST /v1/contacts`, and `id`, `created_at` or `updated_at` if the
    file has them. It is None where the row cannot be read; `reasons` then say why. `raw` has the
    bytes of the row in the file.
    """

    line: int
    last_line: int
    raw: bytes
    values: dict[str, Any] | None
    reasons: tuple[Reason, ...] = ()
