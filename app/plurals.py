"""Writes counts with their nouns, for what people read: `1 row`, `2,500 rows`."""


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count and its noun; `many` is a plural that is not the noun and an s."""
    return f"{count:,} {noun if count == 1 else many or f'{noun}s'}"
