"""A custom field with its counts over all contacts, and a sweep that deletes it."""

from dataclasses import dataclass
from typing import Any

from app.contacts.model import FieldValue
from app.contacts.values import DATES


@dataclass(frozen=True)
class CustomField:
    """How many contacts have a value of each type, and the pinned label and type."""

    id: int
    key: str
    strings: int
    numbers: int
    booleans: int
    label: str | None
    required_type: str | None

    @property
    def contacts(self) -> int:
        return self.strings + self.numbers + self.booleans

    @property
    def type(self) -> str | None:
        """The type of the stored values, the pinned type where there are none.

        Dates are stored as strings: a field that is pinned to them and has strings has dates.
        """
        counts = {"string": self.strings, "number": self.numbers, "boolean": self.booleans}
        found = [type_ for type_, count in counts.items() if count]
        if not found or (found == ["string"] and self.required_type in DATES):
            return self.required_type
        return found[0] if len(found) == 1 else "mixed"

    def view(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "type": self.type,
            "contacts": self.contacts,
            "label": self.label,
            "required_type": self.required_type,
        }


@dataclass(frozen=True)
class Position:
    """A position among the values of a field, which are sorted by these three columns."""

    type: str = ""
    value: FieldValue = ""
    contact_id: int = 0


@dataclass(frozen=True)
class Sweep:
    """The state of deleting a custom field.

    Values up to `position` are done. Contacts with a row id after `last` were created later and
    are not changed.
    """

    field_id: int
    key: str
    last: int
    position: Position
    actor: str | None
