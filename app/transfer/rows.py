"""A row of an imported file: as it is read, and as what it says about a contact."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LINE, REASON, TEXT = "rejected_line", "rejected_reason", "rejected_text"
"""The columns added in a file of rejected rows; ignored when it is imported again."""


class Reason(NamedTuple):
    """Why a row is rejected; `column` is one of the file, None for the whole row."""

    column: str | None
    text: str


class FileRow(NamedTuple):
    """A row from `line` to `last_line`, which count from 1, and its bytes in UTF-8.

    A table has `cells`, a file of JSON Lines `values`. Neither is there where the row cannot be
    read; `fault` then says why.
    """

    line: int
    last_line: int
    raw: bytes
    cells: Sequence[str] | None = None
    values: dict[str, Any] | None = None
    fault: str | None = None

    @property
    def is_readable(self) -> bool:
        return self.fault is None


class PhoneText(NamedTuple):
    """A phone number as it is written, the column it is from, and its kind.

    `is_first` is False for one that is kept beside the phone, but never is the phone. `region` is
    the country that the row names, `unknown_country` what it names instead of one. `area`
    is what a column of area codes beside it says.
    """

    text: str
    column: str
    kind: str
    is_first: bool = True
    region: str | None = None
    unknown_country: str | None = None
    area: str = ""


class BareNumber(NamedTuple):
    """The phone of the row in `line`: digits alone, and nothing in the row names its country."""

    line: int
    text: str


@dataclass(slots=True)
class Row:
    """What a row says of one contact.

    `values` has the members of a `POST /v1/contacts` without the phone, and `id`, `created_at` or
    `updated_at` if the file has them. `phones` are in the order in which they are tried, `reasons`
    say why the row must be rejected. `is_readable` is False where the line has another form.
    """

    line: int
    last_line: int
    raw: bytes
    values: dict[str, Any] = field(default_factory=dict)
    phones: Sequence[PhoneText] = ()
    reasons: Sequence[Reason] = ()
    is_readable: bool = True
