"""Folded text: what sorting and word search compare, blind to case and accents."""

import re
import unicodedata

# Letters that Unicode does not decompose into a base and an accent.
_LOOKALIKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i"} | {"æ": "ae", "œ": "oe", "þ": "th"}
)
_ACCENTS = re.compile(r"[\u0300-\u036f]+")
# ASCII and Latin-1 punctuation, white space, general and CJK punctuation.
_BETWEEN_WORDS = re.compile(
    r"[\s\x00-/:-@\[-`{-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\xd7\xf7\u2000-\u206f\u3000-\u303f]+"
)
# The same for bytes of ASCII: it takes half the time.
_TO_SPACES = bytes(32 if _BETWEEN_WORDS.match(chr(code)) else code for code in range(256))


def fold(text: str | None) -> str | None:
    """Return text without case and accents. Folding a part gives that part of the whole's fold."""
    if text is None:
        return None
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _ACCENTS.sub("", decomposed).casefold().translate(_LOOKALIKES)


def words(*texts: str | None) -> list[str]:
    """Return the distinct folded words of texts."""
    return split(*map(fold, texts))


def split(*folded: str | None) -> list[str]:
    """Return the distinct words of folded texts."""
    text = " ".join(filter(None, folded))
    if text.isascii():
        return list(dict.fromkeys(text.encode().translate(_TO_SPACES).decode().split()))
    return list(dict.fromkeys(filter(None, _BETWEEN_WORDS.split(text))))


# After every text that is stored: none is that long.
_LAST_TEXT = "\U0010ffff" * 5_000


def following(prefix: str) -> str:
    """Return the least that comes after all texts that start with `prefix`, by code points."""
    if not prefix:
        return _LAST_TEXT
    last = ord(prefix[-1])
    if last == 0x10FFFF:
        return following(prefix[:-1])
    return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
