"""Collects what a person should know about the cells of a file, in bounded memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from app.contacts.model import FIELD_TYPES, Draft
from app.plurals import plural
from app.transfer.columns import Layout
from app.transfer.mapping import escaped
from app.transfer.report import entry

SAMPLES = 3
MOST_NAMES = 10_000
_SHOWN = 60


class Findings:
    """`tags` and `keys` are those of the rows, up to `MOST_NAMES`; counts are by column."""

    def __init__(self, layout: Layout | None) -> None:
        self.tags: dict[str, None] = {}
        self.keys: dict[str, Counter[str]] = {}
        self.blanks: Counter[str] = Counter()
        self.lists: Counter[tuple[str, str]] = Counter()
        self.groups: Counter[str] = Counter()
        self.unnamed: Counter[int] = Counter()
        self.rounded: Counter[str] = Counter()
        self._columns = layout.columns if layout else ()
        self.words: dict[str, None] = {}  # Some that are not ASCII, to judge an encoding by.
        self._samples: list[list[str]] = [[] for _ in self._columns]
        self._unsampled = list(range(len(self._columns)))

    @property
    def needs_samples(self) -> bool:
        return bool(self._unsampled)

    def sample(self, cells: Sequence[str]) -> None:
        """Keep the first values of each column."""
        done = False
        for place in self._unsampled:
            cell, kept = cells[place].strip(), self._samples[place]
            if cell and cell not in kept:
                if not cell.isascii() and len(self.words) < SAMPLES:
                    self.words[_short(cell)] = None
                kept.append(_short(cell))
                done = done or len(kept) == SAMPLES
        if done:
            left = [place for place in self._unsampled if len(self._samples[place]) < SAMPLES]
            self._unsampled = left

    def samples(self, place: int) -> list[str]:
        return self._samples[place]

    def count(self, draft: Draft) -> None:
        """Count the tags, the custom fields and their types that a row brings."""
        for tag in (*(draft.tags or ()), *draft.add_tags):
            if tag not in self.tags and len(self.tags) < MOST_NAMES:
                self.tags[tag] = None
        for key, value in draft.custom_fields.items():
            types = self.keys.get(key)
            if types is None:
                if len(self.keys) >= MOST_NAMES:
                    continue
                types = self.keys[key] = Counter()
            types[FIELD_TYPES[type(value)]] += 1

    def warnings(self, line: int) -> Iterator[dict[str, Any]]:
        """Yield a warning for each finding; `line` is that of the header."""
        for (column, sign), count in self.lists.items():
            reason = (
                f'{plural(count, "cell")} with "{sign}", which became one tag each: for lists of '
                f'tags, import with --tag-separator "{sign}".'
            )
            yield entry(line, column, reason)
        for column, count in self.groups.items():
            yield entry(
                line, column, f"Left out: {plural(count, 'system group')} such as * myContacts."
            )
        for column, count in self.blanks.items():
            verb = "says" if count == 1 else "say"
            yield entry(
                line, column, f"{plural(count, 'cell')} {verb} n/a, -, NULL or the like: empty."
            )
        for column, count in self.rounded.items():
            reason = (
                f"{plural(count, 'cell')} may be rounded by a spreadsheet, which keeps 15 digits."
            )
            yield entry(line, column, reason)
        for place, count in self.unnamed.items():
            reason = f"Column {place + 1} has no name: {plural(count, 'cell')} left out."
            yield entry(line, None, reason)
        for key, types in self.keys.items():
            if len(types) > 1:
                parts = ", ".join(plural(count, name) for name, count in types.most_common())
                reason = f"Has values of several types: {parts}.{self._naming_type(key)}"
                yield entry(line, f"custom_fields.{key}", reason)

    def _naming_type(self, key: str) -> str:
        """Return how to import one type of a custom field; "" where no column has it."""
        field = f"custom_fields.{key}"
        for column in self._columns:
            if column.field == field:
                option = f'--map "{escaped(column.name)}={field}:string"'
                return f" To store one type, import with {option}."
        return ""


def _short(cell: str) -> str:
    return cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…"
