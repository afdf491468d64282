"""Detects encodings of European languages from the words of a file, even from a few names.

In the wrong encoding most words have letters that no single language has ("Núńez", "Dvoøák"), a
capital after a small letter ("JosŽ") or a sign inside ("M‡laga"). The encoding wins in which most
words are words of one language. On equal terms the first in the table wins, which is the most
frequent one.
"""

import re
from collections.abc import Collection

# Letters beside a–z of the languages, in order of how many people write them in that encoding.
_LANGUAGES = {
    "cp1252": (
        *("áéíóúüñ", "áâãàéêíóôõúüç", "àâæçéèêëîïôœùûüÿ", "äöüßé", "àèéìòùîó", "åäöé"),
        *("æøåéöüä", "àçèéíïòóúü", "áéíóúýàèëïöüäê", "áéíóúýðþæö", "šžõäöü", "áéíóúàèìòù"),
    ),
    "cp1250": (
        *("ąćęłńóśźż", "áčďéěíňóřšťúůýžöü", "áéíóöőúüű", "ăâîşţ", "čćđšž", "áäčďéíĺľňóôŕšťúýž"),
        "äöüßé",
    ),
    "cp1254": ("çğıöşüâîûİ", "äöüßé"),
    "mac_roman": (
        *("áéíóúüñ", "áâãàéêíóôõúç", "àâæçéèêëîïôœùûüÿ", "äöüßé", "àèéìòù", "åäö", "æøåé"),
    ),
    "cp850": ("áéíóúüñ", "áâãàéêíóôõúç", "àâçéèêëîïôùûü", "äöüß", "àèéìòù", "åäö", "æøå"),
}
# In Portuguese õ is before an e only; a word-inner ’ follows or precedes what it shortens.
_FOREIGN = re.compile(r"õ(?!e)", re.IGNORECASE)
_PORTUGUESE = "ãõ"
_EDGES = "'‘’“”„‚«»‹›–—…•·¿¡ºª°€™®©§ \xa0"
_SHORTENED = re.compile(
    r"\b(?:o|d|l|m|n|s|t|c|j|qu|dell|all|nell|sant)’(?=\w)|(?<=\w)’(?=(?:s|t|m|d|re|ve|ll)\b)",
    re.IGNORECASE,
)


def ranked(words: Collection[bytes]) -> list[str]:
    """Return the encodings in which most of the words make sense, the likeliest first.

    `words` have bytes over 127.
    """
    scores = {encoding: _score(words, encoding) for encoding in _LANGUAGES}
    likely = [each for each, score in scores.items() if score > len(words) / 2]
    return sorted(likely, key=lambda each: -scores[each])


def knows(encoding: str) -> bool:
    return encoding in _LANGUAGES


def is_plausible(word: str, encoding: str) -> bool:
    """Return whether a word, which was read in an encoding, is one of some language."""
    text = word.strip(_EDGES)
    return any(
        _is_word(text, frozenset(letters + letters.upper())) for letters in _LANGUAGES[encoding]
    )


def _score(words: Collection[bytes], encoding: str) -> float:
    """Return the number of words of any language, and as a fraction those of the likeliest one."""
    languages = [frozenset(letters + letters.upper()) for letters in _LANGUAGES[encoding]]
    counts = [0] * len(languages)
    total = 0
    for word in words:
        text = word.decode(encoding, "replace").strip(_EDGES)
        of = [place for place, letters in enumerate(languages) if _is_word(text, letters)]
        total += bool(of)
        for place in of:
            counts[place] += 1
    return total + max(counts) / (len(words) + 1)


def _is_word(text: str, letters: frozenset[str]) -> bool:
    text = _SHORTENED.sub("", text)
    others = [letter for letter in text if not letter.isascii()]
    if not letters.issuperset(others):
        return False
    if any(letter.isupper() for letter in others) and not _has_capitals_first(text):
        return False
    return not (letters.issuperset(_PORTUGUESE) and _FOREIGN.search(text))


def _has_capitals_first(text: str) -> bool:
    """Return whether a word is all capitals, or no capital that is not ASCII is inside it."""
    if text.isupper():
        return True
    return not any(letter.isupper() and not letter.isascii() for letter in text[1:])
