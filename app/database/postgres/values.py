"""Values of custom fields as text that sorts as they do: PostgreSQL has no column of any type."""

import hashlib
import struct

from app.database.interface import FieldValues

MOST = 500  # Characters; an entry of an index has at most 2,704 bytes.
_LAST = "\U0010ffff"


class SortableText(FieldValues):
    """A string is itself or a beginning and a hash, a number 16 hex digits, a boolean 0 or 1."""

    def in_index(self, value: object) -> object:
        text = self.in_json(value)
        if len(text) <= MOST:
            return text
        return f"{text[:MOST]}{_LAST}{hashlib.sha256(text.encode()).hexdigest()}"

    def in_json(self, value: object) -> str:
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int | float):
            return _number_key(value)
        return str(value)

    def bound(self, operator: str, value: object) -> tuple[str, object]:
        text = self.in_json(value)
        if operator == "=":
            return operator, self.in_index(value)
        if len(text) <= MOST:
            return operator, text
        # Longer strings with the same beginning are in any order: the search tests each.
        return (">=", text[:MOST]) if ">" in operator else ("<=", f"{text[:MOST]}{_LAST}g")

    def prefix(self, text: str) -> str:
        return text[:MOST]


def _number_key(value: float) -> str:
    """Return the bits of a double so that their order is that of the numbers."""
    [bits] = struct.unpack(">Q", struct.pack(">d", value + 0.0))
    return f"{(~bits if bits >> 63 else bits | 1 << 63) & (1 << 64) - 1:016x}"
