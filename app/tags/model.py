"""A tag, and its way out of the contacts that carry it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tag:
    id: int
    name: str
    contacts: int


@dataclass(frozen=True)
class Sweep:
    """A tag that is being renamed, or deleted where it has no new name.

    Contacts with a row id up to `position` are done, those after `last` came later.
    """

    tag_id: int
    name: str
    new_name: str | None
    position: int
    last: int

    def names(self) -> set[str | None]:
        return {self.name, self.new_name} - {None}
