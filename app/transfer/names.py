"""Merges the name columns of a row: given and family name win over a full name."""

import re

_TITLE = re.compile(
    r"(?:(?:dr|mr|mrs|ms|prof|sr|sra|srta|dra|herr|frau|mme|mlle|smt|shri)\.? )+", re.IGNORECASE
)
_SUFFIX = re.compile(
    r"(?:,\s*(?:jr|sr|ii|iii|iv|ph\.?\s?d|m\.?d|esq|mba|m\.?sc|b\.?sc|cpa|dds|rn)\.?)+\s*",
    re.IGNORECASE,
)


def merge_names(first: str, last: str, full: str, *, has_last: bool) -> tuple[str, str]:
    """Return first and last name; a full name is used where a part is missing.

    `has_last` says that the file has a column of last names, so that an empty one means none.
    """
    full = " ".join(full.split())
    if not full or (first and last) or (first and has_last):
        return first, last
    if part := " ".join((first or last).split()):
        other = _rest(full, part) or ("" if full.casefold() == part.casefold() else full)
        return (first, other) if first else (other, last)
    return split_name(full)


def _rest(full: str, part: str) -> str:
    """Return what a full name has beside one of its parts, "" where the part is not in it."""
    if full.casefold().startswith(f"{part} ".casefold()):
        return full[len(part) :].strip(" ,")
    if full.casefold().endswith(f" {part}".casefold()):
        return full[: -len(part)].strip(" ,")
    if full.casefold().startswith(f"{part},".casefold()):
        return full[len(part) :].strip(" ,")
    return ""


def split_name(full: str) -> tuple[str, str]:
    """Split `Asha Rao` and `Rao, Asha`; a single word is a first name.

    What follows a name, as in `Asha Rao, PhD`, stays with the last name.
    """
    if (suffix := _SUFFIX.search(full)) and suffix.end() == len(full) and suffix.start():
        given, family = split_name(full[: suffix.start()])
        return given, (family + suffix[0]).strip(" ,")
    family, comma, given = full.partition(",")
    if comma and given.strip() and "," not in given:
        return given.strip(), family.strip()
    title = _TITLE.match(full)
    start = title.end() if title else 0
    given, _, family = full[start:].partition(" ")
    return full[:start] + given, family.strip()
