"""A custom field as all contacts together have it, and its way out of them."""

from dataclasses import dataclass
from typing import Any

from app.contacts.model import FieldValue


@dataclass(frozen=True)
class CustomField:
    """How many contacts have a value of each type, and what is pinned."""

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
        """Return the type of the values there are, the pinned one where there are none."""
        counts = {"string": self.strings, "number": self.numbers, "boolean": self.booleans}
        found = [type_ for type_, count in counts.items() if count]
        if not found:
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
    """A place among a field's values, which are in the order of these three."""

    type: str = ""
    value: FieldValue = ""
    contact_id: int = 0


@dataclass(frozen=True)
class Sweep:
    """A custom field that is being deleted.

    The values up to `position` are done; those of contacts with a row id after `last` came later.
    """

    field_id: int
    key: str
    last: int
    position: Position
