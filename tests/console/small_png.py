"""Makes PNG files of screenshots smaller, without loss: flat pages compress best unfiltered."""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}  # Of the colour types that browsers write, with 8 bits each.


def smaller(png: bytes) -> bytes:
    """Return the same picture with unfiltered rows, compressed as well as zlib can."""
    parts = list(_chunks(png))
    header = parts[0][1]
    width, height, depth, kind = struct.unpack(">IIBB", header[:10])
    assert depth == 8
    data = zlib.decompress(b"".join(content for name, content in parts if name == b"IDAT"))
    rows = _unfiltered(data, width * _CHANNELS[kind], height, _CHANNELS[kind])
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _unfiltered(data: bytes, stride: int, height: int, channels: int) -> Iterator[bytes]:
    """Undo the filters of rows: https://www.w3.org/TR/png-3/#9Filters"""
    above = bytearray(stride)
    for start in range(0, height * (stride + 1), stride + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + stride])
        for at in range(stride):
            left, corner = (row[at - channels], above[at - channels]) if at >= channels else (0, 0)
            up = above[at]
            guesses = (0, left, up, (left + up) // 2, _paeth(left, up, corner))
            row[at] = (row[at] + guesses[kind]) & 255
        yield bytes(row)
        above = row


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
