"""Keeps the texts that the cells of a workbook share in temporary files, not in memory."""

import os
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from tempfile import TemporaryFile

from app.transfer.xlsx_xml import Attributes, TooLong

_MAX_TEXT = 2**20
_CACHED = 20_000
_NUMBER = struct.Struct("<QQ")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class SharedTexts:
    """The texts of `sharedStrings.xml` by their number from 0."""

    def __init__(self) -> None:
        self._texts, self._ends = TemporaryFile(), TemporaryFile()  # noqa: SIM115
        self._count = 0
        self._text: list[str] = []
        self._size = self._end = 0
        self._is_open = self._is_reading = False
        self.get: Callable[[int], str] = lru_cache(_CACHED)(self._get)

    def read(self, parse: Callable[..., None]) -> None:
        self._ends.write(bytes(8))
        parse(self._start_tag, self._end_tag, self._add)
        self._texts.flush()
        self._ends.flush()

    def close(self) -> None:
        self._texts.close()
        self._ends.close()

    def _get(self, number: int) -> str:
        """Raises KeyError where there is no such text."""
        if not 0 <= number < self._count:
            raise KeyError(number)
        start, end = _NUMBER.unpack(os.pread(self._ends.fileno(), 16, 8 * number))
        return os.pread(self._texts.fileno(), end - start, start).decode()

    def _start_tag(self, tag: str, _: Attributes) -> None:
        if tag == "t":
            self._is_open = not self._is_reading
        elif tag == "rPh":
            self._is_reading = True
        elif tag == "si":
            self._text, self._size = [], 0

    def _add(self, text: str) -> None:
        if self._is_open:
            self._text.append(text)
            self._size += len(text)
            if self._size > _MAX_TEXT:
                raise TooLong

    def _end_tag(self, tag: str) -> None:
        if tag == "t":
            self._is_open = False
        elif tag == "rPh":
            self._is_reading = False
        elif tag == "si":
            text = unescaped("".join(self._text)).encode()
            self._end += len(text)
            self._texts.write(text)
            self._ends.write(self._end.to_bytes(8, "little"))
            self._count += 1


def unescaped(text: str) -> str:
    """Replace escapes such as `_x000D_`, in which characters are written that XML forbids."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
