"""Parses the XML of a workbook's parts as a stream, without namespaces, and in bounded memory."""

from collections.abc import Callable, Iterator
from typing import BinaryIO
from xml.parsers import expat

Attributes = dict[str, str]

CHUNK = 2**16
_MAX_TOKEN = 2**21


class TooLong(Exception):
    """A text or a tag is longer than any program writes."""


def parse(
    stream: BinaryIO,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Call the handlers with each tag, without its prefix; yield after each piece of the stream.

    Raises `ExpatError`, `TooLong`, and ValueError where the XML defines entities.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _reject

    def root(name: str, attributes: Attributes) -> None:
        has_prefix = ":" in name
        parser.StartElementHandler = _without_prefix(start) if has_prefix else start
        if end:
            parser.EndElementHandler = _without_prefix(end) if has_prefix else end
        parser.StartElementHandler(name, attributes)

    parser.StartElementHandler = root
    if text:
        parser.CharacterDataHandler = text
    read = 0
    while chunk := stream.read(CHUNK):
        read += len(chunk)
        parser.Parse(chunk, False)
        # The parser keeps a tag until its end.
        if read - parser.CurrentByteIndex > _MAX_TOKEN:
            raise TooLong
        yield
    parser.Parse(b"", True)
    yield


def _without_prefix(handler: Callable[..., None]) -> Callable[..., None]:
    return lambda name, *more: handler(name.rpartition(":")[2], *more)


def _reject(*_: object) -> None:
    raise ValueError("a document type")
