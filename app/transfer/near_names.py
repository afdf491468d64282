"""Finds columns whose names are mistyped, and says what to do in a file without a phone column.

`frist_name` is likely first_name.
"""

from collections.abc import Sequence

from app.transfer import profiles
from app.transfer.mapping import escaped
from app.web.loading import printable_name

FEWEST_DIGITS = 8  # Of a phone number where its column does not say so, or names should be.
_SHOWN = 10

_NAMES = {
    "phone": (
        "phone",
        "mobile",
        "telephone",
        "phone_number",
        "mobile_number",
        "whatsapp",
        "telefon",
    ),
    "first_name": ("first_name", "given_name", "vorname"),
    "last_name": ("last_name", "family_name", "surname", "nachname"),
    "full_name": ("full_name",),
    "email": ("email", "email_address"),
    "tags": ("tags", "labels"),
}
_LONG = 10  # Letters of a name that may have two mistakes.


def near_name(name: str) -> tuple[str, str] | None:
    """Return the known name that a column's name is a slip of, and its field; None for none.

    A slip is a letter too many, missing, wrong, or two that changed places.
    """
    given = profiles.plain(name)
    for field, names in _NAMES.items():
        for known in names:
            meant = profiles.plain(known)
            most = 2 if len(meant) >= _LONG else 1
            if abs(len(given) - len(meant)) <= most and 0 < _distance(given, meant) <= most:
                return known, field
    return None


def why_no_phone(names: Sequence[str]) -> str:
    """Return why a file with these columns cannot be imported, and what to do."""
    if any(sum(each.isdigit() for each in name) >= FEWEST_DIGITS for name in names):
        return "The first line is a contact: put a line of names above it, such as phone,first_name"
    near = [name for name in names if (found := near_name(name)) and found[1] == "phone"]
    advice = 'name it, such as --map "Mobile=phone", or skip lines above the names by --skip-lines.'
    if near:
        advice = f'did you mean --map "{escaped(near[0])}=phone"?'
    columns = ", ".join(printable_name(name) for name in names[:_SHOWN] if name)
    more = ", …" if len(names) > _SHOWN else "."
    return f"No column is the phone: {advice} The file has {columns}{more}"


def _distance(one: str, other: str) -> int:
    """Return how many slips make one word of the other (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, meant in enumerate(other, 1):
            best = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != meant))
            is_swapped = row > 1 and column > 1 and letter == other[column - 2]
            if is_swapped and one[row - 2] == meant:
                best = min(best, before[column - 2] + 1)
            now.append(best)
        before, last = last, now
    return last[-1]
