"""Finds texts that were likely read in another encoding than they were written in."""

import re

from app.transfer import latin
from app.transfer.encodings import Encoding

_HIGH = re.compile(r"[^\x00-\x7f]{2,}")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SHOWN = 40


class Misread:
    """`doubt` says why a row may be misread. The `encoding` is that of the file, if it has one."""

    def __init__(self, encoding: Encoding | None) -> None:
        is_guessed = encoding is not None and not encoding.is_certain
        self._guess = encoding if is_guessed and encoding and latin.knows(encoding.name) else None

    def doubt(self, row: bytes) -> str | None:
        """Return what looks wrong in a row, which is UTF-8."""
        text = row.decode(errors="ignore")
        if "\ufffd" in text:
            return "Has the sign \ufffd in place of a letter that another program could not read."
        for run in _HIGH.findall(text):
            try:
                meant = run.encode("cp1252").decode()
            except UnicodeError:
                continue
            return f'Has "{run[:_SHOWN]}", which is likely "{meant[:_SHOWN]}" in another encoding.'
        if self._guess:
            for word in _WORD.findall(text):
                if not word.isascii() and not latin.is_plausible(word, self._guess.name):
                    return f'Has "{word[:_SHOWN]}": the row may not be {self._guess.label}.'
        return None
