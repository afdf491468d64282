"""How the rows of a file are understood, as a person decides it for one import."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`region` is the country of numbers without a country code (ISO 3166).

    `international` says that all of them have one. `replace_tags` makes the tags of a row all that
    its contact has, `add_tags` are given to the contact of each row. `lenient` leaves out bad cells
    instead of their rows, `match_twins` updates the contact whose number differs by a 9 only.
    """

    region: str | None = None
    international: bool = False
    replace_tags: bool = False
    add_tags: tuple[str, ...] = ()
    tag_separator: str | None = None
    lenient: bool = False
    match_twins: bool = False
