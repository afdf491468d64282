"""Reads JSON Lines (https://jsonlines.org): each line is an upsert or an exported contact."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.errors import InvalidJson
from app.search.operands import CUSTOM
from app.transfer.lines import MAX_BYTES, Lines
from app.transfer.mapping import SKIPPED, split_type
from app.transfer.rows import LINE, REASON, TEXT, FileRow
from app.web.strict_json import parse_object

_ADDED = (LINE, REASON)
_STILL_BROKEN = f"Correct the text in {TEXT}, and replace the whole line with it."


class JsonLines:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def rows(self, mapping: Mapping[str, str]) -> Iterator[FileRow]:
        """Yield all rows except empty lines. Keys are renamed by `mapping`."""
        for line in self._lines:
            if line.strip():
                yield self._row(line, mapping)

    def _row(self, line: bytes, mapping: Mapping[str, str]) -> FileRow:
        number = self._lines.number
        try:
            if len(line) > MAX_BYTES:
                raise InvalidJson(f"Longer than {MAX_BYTES} bytes.")
            values = parse_object(line)
            if TEXT in values:
                raise InvalidJson(_STILL_BROKEN)
            for name in _ADDED:
                values.pop(name, None)
            values = _renamed(values, mapping) if mapping else values
            return FileRow(number, number, line, values=values)
        except InvalidJson as error:
            reason = error.message.replace("The body", "A line")
            return FileRow(number, number, line, fault=reason)


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
            place, (key, _) = kept["custom_fields"], split_type(target.removeprefix(CUSTOM))
        if isinstance(place, dict):
            if place.get(key) is not None:
                raise InvalidJson(
                    f"Has {target} beside {name[:64]}, which is mapped to it: remove one."
                )
            place[key] = values[name]
    return kept
