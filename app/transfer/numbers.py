"""Decides which number of a row is its phone, and whether a file's bare numbers are international.

A bare number has no + and no country: `6512345678` is Singapore's or, without a country code,
India's.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from app.contacts.national import Number, region_of
from app.contacts.phone import PhoneError
from app.plurals import plural
from app.transfer.conversion import add_numbered
from app.transfer.phone_cells import Doubtful, PhoneReader, is_bare
from app.transfer.profiles import NEVER
from app.transfer.rows import BareNumber, PhoneText, Reason, Row
from app.web.loading import printable_name

CONVINCING = 0.95  # Share of a file's bare numbers that must be valid as international.
MOST_EXAMPLES = 3
MEMORY = 2**20  # Bytes of numbers that are kept before they go to a file.
_FAX = "Is a fax or pager number, and the row has no other."
_REQUIRED = 'Required: a number with its country code, such as "918856879188".'


@dataclass
class Chosen:
    """The phone of a row, E.164 digits, or the reasons why it has none.

    `passed` are the reasons why numbers that come before the phone are not it.
    """

    phone: str | None = None
    reasons: list[Reason] = field(default_factory=list)
    passed: list[Reason] = field(default_factory=list)


def choose_phone(row: Row, reader: PhoneReader) -> Chosen:
    """Return the first good number of a row; its others become custom fields of the row."""
    chosen, others, never = Chosen(), [], []
    for each in row.phones:
        if each.kind == NEVER:
            never.append(_kept(each, reader))
            continue
        try:
            number = reader.read_cell(each)
        except PhoneError as error:
            if each.is_first and chosen.phone is None:
                chosen.passed.append(Reason(each.column, str(error)))
            others.append(str(each.text))
            continue
        if each.is_first and chosen.phone is None:
            chosen.phone = number.digits
        else:
            others.append(_told(each, number.digits, reader))
    if chosen.phone is None:
        fax = [Reason(each.column, _FAX) for each in row.phones if each.kind == NEVER][:1]
        return Chosen(reasons=chosen.passed or fax or [Reason("phone", _REQUIRED)])
    kept = [each for each in dict.fromkeys(others) if each.removeprefix("+") != chosen.phone]
    add_numbered(row.values, "phone", kept)
    if never:
        row.values.setdefault("custom_fields", {}).setdefault("fax", never[0])
        add_numbered(row.values, "fax", never[1:])
    return chosen


def _told(each: PhoneText, digits: str, reader: PhoneReader) -> str:
    """Return another number of a row in E.164, or as it is written where its country is a guess."""
    is_guess = not (each.region or reader.region or reader.international) and is_bare(each.text)
    return str(each.text) if is_guess else f"+{digits}"


def _kept(each: PhoneText, reader: PhoneReader) -> str:
    try:
        return _told(each, reader.read_cell(each).digits, reader)
    except PhoneError:
        return str(each.text)


class Survey:
    """What all rows of a file say about its bare numbers, and the number that each row has.

    `countries` counts what the bare numbers would become, `nowhere` those that no country has.
    """

    def __init__(self, rows: Iterable[Row | BareNumber], reader: PhoneReader) -> None:
        self.bare = self.valid = self.nowhere = 0
        self.countries: Counter[str] = Counter()
        self._examples: list[str] = []
        self._reader = reader
        self._kept: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY)  # noqa: SIM115
        for row in rows:
            number = self._bare(row) if isinstance(row, BareNumber) else self._number(row)
            self._kept.write(f"{number or ''}\n".encode())

    def close(self) -> None:
        self._kept.close()

    @property
    def is_convincing(self) -> bool:
        return self.valid >= CONVINCING * self.bare

    def _number(self, row: Row) -> str | None:
        """Return the phone of a row that has one number; count what is bare."""
        for each in row.phones:
            if not each.is_first:
                continue
            number = self._read(each, row.line)
            if number:
                return number.digits if len(row.phones) == 1 else None
        return None

    def _bare(self, row: BareNumber) -> str | None:
        try:
            number = self._reader.read(row.text)
        except Doubtful:
            return None
        except PhoneError:
            number = None
        if is_bare(row.text):
            self._count(row.text, row.line, number)
        return number.digits if number else None

    def _read(self, each: PhoneText, line: int) -> Number | None:
        try:
            number = self._reader.read_cell(each)
        except Doubtful:
            return None
        except PhoneError:
            number = None
        if each.region is None and is_bare(each.text):
            self._count(each.text, line, number)
        return number

    def _count(self, text: str, line: int, number: Number | None) -> None:
        self.bare += 1
        if number:
            self.countries[region_of(number.digits)] += 1
            self.valid += number.valid
        else:
            self.nowhere += 1
        if not (number and number.valid) and len(self._examples) < MOST_EXAMPLES:
            self._examples.append(f"{printable_name(text)} in line {line}")

    def phones(self) -> Iterator[str | None]:
        """Yield the phone of each row, None where it must be chosen again."""
        self._kept.seek(0)
        for line in self._kept:
            yield line[:-1].decode() or None

    def problem(self) -> str | None:
        """Return why the numbers cannot be read; None where they can."""
        if self.is_convincing:
            return None
        would = [f"{count:,} of {region}" for region, count in self.countries.most_common(8)]
        if len(self.countries) > 8:
            would.append(
                f"{sum(self.countries.values()):,} of {len(self.countries)} countries in all"
            )
        if self.nowhere:
            would.append(f"{self.nowhere:,} of no country")
        return (
            f"{plural(self.bare, 'phone number')} without + and without a country: {self.valid:,} "
            f"valid if the first digits are a country code, but not {', '.join(self._examples)}. "
            f"Read so, the result would be {', '.join(would)}. "
            "Nothing is stored: name their country, such as "
            "--default-country IN, or say --international if all begin with a country code "
            "(in a request default_country=IN or international=true)."
        )
