"""Finds the text encoding of a whole file before a row of it is read, in bounded memory.

UTF-8 and UTF-16 are known for certain. An encoding of one byte for each letter is not: `latin.py`
detects those of European languages by the words of the file, and charset-normalizer those of
other scripts.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from marshmallow import ValidationError

from app.errors import InvalidInput
from app.transfer import latin

CHUNK = 2**16
MAX_WORDS = 5_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # Before UTF-16, whose mark it starts with.
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_SCRIPTS = (
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
_LABELS = {
    **{"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "mac_roman": "Mac Roman"},
    **{"utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "cp850": "DOS 850", "cp866": "DOS 866"},
    **{"gb18030": "GB 18030", "big5": "Big5", "cp932": "Shift JIS", "cp949": "Korean 949"},
    **{"koi8_r": "KOI8-R", "euc_jp": "EUC-JP"},
}
# Files labelled ISO-8859-1 hold Windows-1252, as on the web (https://encoding.spec.whatwg.org).
_ALIASES = {
    **{"iso8859-1": "cp1252", "ascii": "utf-8", "utf-8-sig": "utf-8", "mac-roman": "mac_roman"},
    **{"utf-16": "utf-16-le", "utf-32": "utf-32-le", "koi8-r": "koi8_r"},
}
_FOLD = re.compile(rb"\r?\n[ \t]")
_LATIN_LEAD = re.compile(rb"[\xc3-\xc5][\x80-\xbf]")
_WORD = re.compile(rb"[A-Za-z'\x80-\xff]+")


@dataclass(frozen=True)
class Encoding:
    """`name` is Python's, `skip` the length of the byte order mark in bytes.

    `is_certain` is False where other encodings of the file are possible: the reader should be
    shown words of it.
    """

    name: str
    skip: int = 0
    is_certain: bool = True

    @property
    def label(self) -> str:
        """The name that people know, such as Windows-1252."""
        return _LABELS.get(self.name) or re.sub(r"^cp", "Windows-", self.name)


def named(label: str) -> Encoding:
    """Return the encoding that a person or a `charset=` names. Raises `ValidationError`."""
    try:
        name = codecs.lookup("cp1252" if label.strip().lower() == "ansi" else label.strip()).name
        "a".encode(name)  # Raises LookupError for codecs that are not of text, such as base64.
    except (LookupError, ValueError):
        reason = "Must be the name of an encoding, such as utf-8, utf-16 or windows-1252."
        raise ValidationError(reason) from None
    return Encoding(_ALIASES.get(name, name))


def detect(file: BinaryIO, wanted: Encoding | None = None) -> Encoding:
    """Return the encoding of a seekable file, which holds for the whole file.

    `wanted` decides where it is given. Raises `InvalidInput` with the first line that does not
    fit. UTF-8 with some other bytes in it counts as UTF-8: the reader rejects those rows.
    """
    file.seek(0)
    head = file.read(CHUNK)
    marked = next((Encoding(name, len(bom)) for bom, name in _BOMS if head.startswith(bom)), None)
    if wanted:
        if marked and marked.name[:6] == wanted.name[:6]:
            return marked
        return _checked(file, wanted)
    if marked:
        return _checked(file, marked)
    if wide := _without_mark(head):
        return _checked(file, Encoding(wide))
    words = _Words(file, folded=head[:11].upper() == b"BEGIN:VCARD")
    if words.is_utf_8:
        return Encoding("utf-8")
    fault = None
    likely = latin.ranked(words.found)
    if likely and any(map(_is_utf_8_of_latin, words.found)):
        reason = "Some lines are UTF-8, others are not: save the whole file as UTF-8."
        raise InvalidInput({"encoding": [reason]})
    for name in (*likely, *_other_scripts(words.sample)):
        found = Encoding(name, is_certain=False)
        line = _first_fault(file, found)
        if line is None:
            return found
        fault = fault or _misfit(line, found)
    reason = "Unknown: save the file as UTF-8, or name its encoding."
    raise fault or InvalidInput({"encoding": [reason]})


def _is_utf_8_of_latin(word: bytes) -> bool:
    """Return whether a word has letters such as é in UTF-8, which no Latin encoding has so."""
    try:
        return bool(_LATIN_LEAD.search(word)) and word.decode().isprintable()
    except UnicodeDecodeError:
        return False


def decoded(file: BinaryIO, encoding: Encoding) -> Iterator[bytes]:
    """Yield the file from its start in UTF-8, without a byte order mark."""
    file.seek(encoding.skip)
    chunks = iter(lambda: file.read(CHUNK), b"")
    if encoding.name == "utf-8":
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _without_mark(head: bytes) -> str | None:
    """Return UTF-16 where the zero bytes of ASCII letters are on one side of each pair."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) <= len(head) / 20 or min(even, odd) > max(even, odd) / 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


class _Words:
    """The words of a file that are not ASCII, a sample of their lines, and whether it is UTF-8."""

    def __init__(self, file: BinaryIO, *, folded: bool) -> None:
        """`folded` says that lines may break between the bytes of a letter, as in vCards."""
        self.found: set[bytes] = set()
        self.sample = b""
        self._letters = self._others = 0
        file.seek(0)
        for part in _lines_at_once(file):
            if not part.isascii():
                self._count(_FOLD.sub(b"", part) if folded else part)
        # Some rows in another encoding do not make a file with many letters in UTF-8 another one.
        self.is_utf_8 = self._letters >= self._others

    def _count(self, part: bytes) -> None:
        try:
            self._letters += len(part) - len(part.decode())
            return
        except UnicodeDecodeError:
            pass
        for word in _WORD.findall(part):
            if word.isascii():
                continue
            try:
                self._letters += len(word) - len(word.decode())
            except UnicodeDecodeError:
                self._others += 1
            if len(self.found) < MAX_WORDS:
                self.found.add(word[:64])
        if len(self.sample) < CHUNK:
            lines = (line for line in part.splitlines() if not line.isascii())
            self.sample += b"\n".join(lines)


def _lines_at_once(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in pieces that end with a line, where lines are not endless."""
    while chunk := file.read(CHUNK):
        yield chunk + file.readline(CHUNK)


def _other_scripts(sample: bytes) -> Iterator[str]:
    # Imported here: few files need it, and each worker would hold its tables.
    from charset_normalizer import from_bytes

    for match in from_bytes(sample, cp_isolation=list(_OTHER_SCRIPTS)):
        yield match.encoding


def _checked(file: BinaryIO, encoding: Encoding) -> Encoding:
    """Raises `InvalidInput` where the file is not in this encoding. UTF-8 is left to the reader."""
    if encoding.name != "utf-8" and (line := _first_fault(file, encoding)):
        raise _misfit(line, encoding)
    return encoding


def _misfit(line: int, encoding: Encoding) -> InvalidInput:
    reason = f"Line {line} is not {encoding.label}: save the file as UTF-8, or name its encoding."
    return InvalidInput({"encoding": [reason]})


def _first_fault(file: BinaryIO, encoding: Encoding) -> int | None:
    """Return the first line that an encoding cannot read."""
    decoder = codecs.getincrementaldecoder(encoding.name)("strict")
    file.seek(0)
    line = 1
    for chunk in _with_end(iter(lambda: file.read(CHUNK), b"")):
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
    return None


def _with_end(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield from chunks
    yield b""
