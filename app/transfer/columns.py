"""Decides what each column of a file becomes: by the person, by its name, or by its words.

Example: `Vorname,Name,Handy,Plan` becomes `first_name`, `full_name`, `phone` (mobile) and
`custom_fields.Plan`.
"""

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from marshmallow import ValidationError

from app.contacts.fields import MAX_KEY, clean_key
from app.errors import InvalidInput
from app.search.operands import CUSTOM
from app.transfer import profiles
from app.transfer.mapping import CARRIED, FIELDS, SKIPPED, split_type
from app.transfer.near_names import FEWEST_DIGITS, why_no_phone
from app.transfer.profiles import NEVER, PHONE_KINDS, Profile
from app.transfer.rows import LINE, REASON, TEXT
from app.web.loading import printable, printable_name

NAMED, MAPPED, KNOWN, GUESSED = "named", "mapped", "known", "guessed"
_SEVERAL = (SKIPPED, "phone", "email", "tags", "phone_label")
_MAY_BE_PHONES = ("number", "nummer", "numero")
_UNFIT = re.compile(r"[\[\]\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Column:
    """A column and the field that it holds, "" for none.

    `kind` says which phone numbers it has, `type` what its custom field must be. `source` says who
    decided: the name itself, a person, the known names, or nobody, so that it keeps its name.
    """

    name: str
    field: str
    kind: str | None = None
    type: str | None = None
    source: str = KNOWN


@dataclass(frozen=True)
class Layout:
    """The columns of a file, in its order, and the profile of the program that wrote it."""

    columns: Sequence[Column]
    profile: Profile | None = None

    @property
    def as_written(self) -> bool:
        return self.profile is not None and self.profile.as_written

    @property
    def names(self) -> dict[str, str]:
        """The first column of each field."""
        found: dict[str, str] = {}
        for column in self.columns:
            found.setdefault(column.field, column.name)
        found.pop(SKIPPED, None)
        return found

    @property
    def guessed(self) -> dict[str, str]:
        return {each.name: each.field for each in self.columns if each.source in (KNOWN, GUESSED)}


def numbered(header: Sequence[str]) -> list[str]:
    """Return the names of columns, each once: the second Phone becomes Phone (2)."""
    names: list[str] = []
    taken = {name.strip() for name in header}
    counts: Counter[str] = Counter()
    for name in (each.strip() for each in header):
        counts[name] += 1
        number = counts[name]
        while name and number > 1 and f"{name} ({number})" in taken:
            number += 1
        names.append(f"{name} ({number})" if name and number > 1 else name)
        taken.add(names[-1])
    return names


def choose(
    header: Sequence[str],
    mapping: Mapping[str, str],
    sample: Sequence[Sequence[str]] = (),
    profile: Profile | None = None,
) -> Layout:
    """Return the field of each column of a file, of which `sample` has some rows.

    Without a `profile` it is recognised from the header.
    Raises `InvalidInput` where the mapping does not fit the file, or no column is the phone.
    """
    names = numbered(header)
    if unknown := [name for name in mapping if name not in names]:
        known = ", ".join(printable_name(name) for name in names[:20] if name)
        reason = f'There is no column "{printable_name(unknown[0])}" in the file: it has {known}.'
        raise _refused(reason)
    profile = profile or _program(names, sample)
    chosen = [_chosen(name, mapping, profile) for name in names]
    taken = Counter(each.field for each in chosen if each and each.source in (NAMED, MAPPED))
    columns: list[Column] = []
    for place, (name, column) in enumerate(zip(names, chosen, strict=True)):
        cells = _cells(sample, place)
        column = _fitting(column or _by_words(name, cells), cells)
        if column.source not in (NAMED, MAPPED):
            if column.field in taken and column.field not in _SEVERAL:
                column = _kept(name, taken)
            taken[column.field] += 1
        columns.append(column)
    if not any(each.field == "phone" for each in columns):
        columns = [_last_resort(each, _cells(sample, place)) for place, each in enumerate(columns)]
    return _checked(Layout(columns, profile))


def _cells(sample: Sequence[Sequence[str]], place: int) -> list[str]:
    """Return the cells of a column that are not empty."""
    return [row[place] for row in sample if place < len(row) and row[place].strip()]


def _program(names: Sequence[str], sample: Sequence[Sequence[str]]) -> Profile | None:
    """Return the profile of a file. A file with the columns of an export can be another's."""
    found = profiles.find_profile(names)
    if found and "id" in found.needs:
        place = list(map(profiles.plain, names)).index("id")
        ids = _cells(sample, place)
        if found.as_written and ids and not any(map(_is_own_id, ids)):
            return None
    return found


def _is_own_id(cell: str) -> bool:
    return cell.startswith("cnt_")


def _last_resort(column: Column, cells: Sequence[str]) -> Column:
    """Return a column named Number as one of phone numbers, if it looks like one."""
    if column.source != GUESSED or profiles.plain(column.name) not in _MAY_BE_PHONES:
        return column
    is_phone = cells and all(sum(map(str.isdigit, each)) >= FEWEST_DIGITS for each in cells)
    return Column(column.name, "phone", kind="main") if is_phone else column


def _chosen(name: str, mapping: Mapping[str, str], profile: Profile | None) -> Column | None:
    """Return a column that a person, its profile or its own name assigns to a field."""
    if name in mapping:
        return _column(name, mapping[name], MAPPED)
    field = profile.field(name) if profile else None
    if field is not None:
        return _column(name, field, KNOWN)
    if name in (*FIELDS, *CARRIED):
        return _column(name, name, NAMED)
    if name in (LINE, REASON, TEXT, ""):
        return Column(name, SKIPPED, source=NAMED)
    if name.startswith(CUSTOM):
        key, type_ = split_type(name.removeprefix(CUSTOM))
        try:
            return Column(name, CUSTOM + clean_key(key), type=type_, source=NAMED)
        except ValidationError as error:
            raise _refused(f'"{printable_name(name)}": {error.messages[0]}') from None
    return None


def _column(name: str, field: str, source: str) -> Column:
    if field.startswith(CUSTOM):
        key, type_ = split_type(field.removeprefix(CUSTOM))
        return Column(name, CUSTOM + key, type=type_, source=source)
    if field.startswith("phone_") and field != "phone_label":
        return Column(name, "phone", kind=field.removeprefix("phone_"), source=source)
    return Column(name, field, kind="main" if field == "phone" else None, source=source)


def _by_words(name: str, cells: Sequence[str]) -> Column:
    """Return what a column holds by the words of its name, in the languages that are known."""
    field = profiles.field_of(name)
    if field in ("name", "full_name") and cells and all(map(_is_number, cells)):
        return Column(name, "phone", kind="main")  # Such as Contact.
    if field:
        return Column(name, "full_name" if field == "name" else field)
    kind = profiles.phone_kind(name)
    if kind in PHONE_KINDS:
        return Column(name, "phone", kind=kind)
    if kind != NEVER and profiles.is_email(name):
        return Column(name, "email")
    return _kept(name)


def _kept(name: str, taken: Container[str] = ()) -> Column:
    """Return a column that becomes a custom field of its name, numbered if that is taken.

    Survey forms have long names that begin alike.
    """
    whole = _UNFIT.sub(" ", name)
    key, number = whole[:MAX_KEY].strip(), 2
    while key and CUSTOM + key in taken:
        key = f"{whole[: MAX_KEY - 6].strip()} ({number})"
        number += 1
    return Column(name, CUSTOM + key if key else SKIPPED, source=GUESSED)


def _fitting(column: Column, cells: Sequence[str]) -> Column:
    """Return another field where what a column has contradicts its name.

    Many programs have an `id` of their own, and columns such as `WhatsApp` that say yes or no.
    """
    if not cells or column.source == MAPPED:
        return column
    foreign = column.field == "id" and not any(map(_is_own_id, cells))
    flags = column.field == "phone" and column.source != NAMED
    if foreign or (flags and not any(map(_has_digits, cells))):
        return _kept(column.name)
    return column


def _has_digits(cell: str) -> bool:
    return sum(each.isdigit() for each in cell) > 1


def _is_number(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= FEWEST_DIGITS and not any(map(str.isalpha, cell))


def _checked(layout: Layout) -> Layout:
    single = [each.field for each in layout.columns if each.field not in _SEVERAL]
    if twice := next((field for field, count in Counter(single).items() if count > 1), None):
        raise _refused(f'Two columns for {printable_name(twice)}: leave one out with --map "NAME="')
    if not any(each.field == "phone" for each in layout.columns):
        raise _refused(why_no_phone([each.name for each in layout.columns]))
    return layout


def _refused(reason: str) -> InvalidInput:
    return InvalidInput({"map": [printable(reason)]})
