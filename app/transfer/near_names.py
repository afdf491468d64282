"""Finds columns whose names are mistyped: `frist_name` is likely first_name."""

from app.transfer import profiles

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
