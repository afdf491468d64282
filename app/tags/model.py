"""A tag, and a sweep that renames or deletes it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tag:
    id: int
    name: str
    contacts: int


@dataclass(frozen=True)
class Sweep:
    """The state of renaming a tag, or of deleting it where `new_name` is None.

    Contacts with a row id up to `position` are done. Those after `last` were created later and are
    not changed.
    """

    tag_id: int
    name: str
    new_name: str | None
    position: int
    last: int
    actor: str | None

    def names(self) -> set[str | None]:
        return {self.name, self.new_name} - {None}
