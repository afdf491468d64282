"""Reads JSON Lines (https://jsonlines.org): each line is an upsert or an exported contact."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import InvalidJson
from app.search.operands import CUSTOM
from app.transfer.columns import SKIPPED
from app.transfer.lines import MAX_BYTES, Lines
from app.transfer.rows import LINE, REASON, TEXT, Reason, Row
from app.web.strict_json import parse_object

_ADDED = (LINE, REASON)
_STILL_BROKEN = f"Correct the text in {TEXT}, and replace the whole line with it."


class JsonLines:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def rows(self, mapping: Mapping[str, str]) -> Iterator[Row]:
        """Yield all rows except empty lines. Keys are renamed by `mapping`."""
        for line in self._lines:
            if self._lines.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield self._row(line, mapping)

    def _row(self, line: bytes, mapping: Mapping[str, str]) -> Row:
        number = self._lines.number
        try:
            if len(line) > MAX_BYTES:
                raise InvalidJson(f"Longer than {MAX_BYTES} bytes.")
            values = parse_object(line)
            if TEXT in values:
                raise InvalidJson(_STILL_BROKEN)
            for name in _ADDED:
                values.pop(name, None)
            return Row(number, number, line, _renamed(values, mapping) if mapping else values)
        except InvalidJson as error:
            reason = error.message.replace("The body", "A line")
            return Row(number, number, line, None, (Reason(None, reason),))


def _renamed(values: dict[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """Raises `InvalidJson` where a renamed value would overwrite another."""
    kept = {name: value for name, value in values.items() if name not in mapping}
    if isinstance(kept.get("custom_fields"), dict):
        kept["custom_fields"] = dict(kept["custom_fields"])
    for name, target in mapping.items():
        if name not in values or target == SKIPPED:
            continue
        place, key = kept, target
        if target.startswith(CUSTOM):
            if kept.get("custom_fields") is None:
                kept["custom_fields"] = {}
            place, key = kept["custom_fields"], target.removeprefix(CUSTOM)
        if isinstance(place, dict):
            if place.get(key) is not None:
                raise InvalidJson(
                    f"Has {target} beside {name[:64]}, which is mapped to it: remove one."
                )
            place[key] = values[name]
    return kept


class RejectedJson:
    """Makes a file of rejected rows: each as it was, with its line and the reason."""

    head = b""

    def row(self, row: Row, reason: str) -> bytes:
        record: dict[str, object] = {LINE: row.line, REASON: reason}
        try:
            values = json.loads(row.raw)
        except ValueError:
            values = None
        if row.values is not None and isinstance(values, dict):
            record |= {name: each for name, each in values.items() if name not in record}
        elif isinstance(values, dict) and TEXT in values:
            record[TEXT] = values[TEXT]
        else:
            record[TEXT] = row.raw.decode(errors="backslashreplace").rstrip("\r\n")
        return json.dumps(record).encode() + b"\n"
