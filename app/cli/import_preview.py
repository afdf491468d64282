"""Shows the preview of an import as text, warnings first."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.plurals import plural
from app.transfer.report import Report
from app.web.loading import printable

_OUTCOMES = ("created", "updated", "unchanged", "rejected")
_MOST_WARNINGS = 20
_MOST_NAMES = 20


def lines(report: Report, preview: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a preview, without control characters of the file."""
    yield from map(printable, _lines(report, preview))


def _lines(report: Report, preview: Mapping[str, Any]) -> Iterator[str]:
    yield from _warnings(report, preview)
    yield f"File: {_file(report, preview)}"
    if preview["columns"]:
        yield "Columns:"
        yield from map(_column, preview["columns"])
    if report.numbers:
        counts = ", ".join(f"{region} {count:,}" for region, count in report.numbers.most_common())
        yield f"Phone numbers by country: {counts}"
    for name, title in (("new_tags", "New tags"), ("new_fields", "New custom fields")):
        if found := preview[name]:
            more = f" and {len(found) - _MOST_NAMES:,} more" if len(found) > _MOST_NAMES else ""
            yield f"{title}: {', '.join(found[:_MOST_NAMES])}{more}"
    for outcome in _OUTCOMES:
        if count := getattr(report, outcome):
            yield f"{outcome.capitalize()}: {plural(count, 'row')}, such as"
            yield from (f"  {_sample(each)}" for each in preview["samples"][outcome])


def _warnings(report: Report, preview: Mapping[str, Any]) -> Iterator[str]:
    if preview["problem"]:
        yield f"Stop: {preview['problem']}"
    for each in report.warnings[:_MOST_WARNINGS]:
        yield f"Warning: {place(each)}"
    if (more := len(report.warnings) - _MOST_WARNINGS) > 0:
        yield f"Warning: {plural(more, 'more warning')}, see --json"


def place(entry: Mapping[str, Any]) -> str:
    """Return a warning or an error with its place in front."""
    column = f"{entry['column']}: " if entry["column"] else ""
    return printable(f"line {entry['line']}: {column}{entry['reason']}")


def _file(report: Report, preview: Mapping[str, Any]) -> str:
    parts = [_FORMATS[report.format]]
    if report.encoding:
        parts.append(report.encoding)
    if report.profile:
        parts.append(f"as {report.profile} writes it")
    if preview["titles"]:
        lines = plural(preview["titles"], "line")
        parts.append(f"{lines} above the names of the columns skipped")
    return ", ".join(parts)


_FORMATS = {"csv": "CSV", "jsonl": "JSON Lines", "xlsx": "Excel", "vcf": "vCard"}


def _column(column: Mapping[str, Any]) -> str:
    field = column["field"] or "left out"
    if column["type"]:
        field += f" ({column['type']})"
    if column["field"] == "phone" and column["source"] == "known":
        field += f" ({column['kind']})"
    samples = " | ".join(" ".join(each.split()) for each in column["samples"])
    return f"  {column['column'] or '(no name)'} → {field}" + (f": {samples}" if samples else "")


def _sample(sample: Mapping[str, Any]) -> str:
    if "reasons" in sample:
        return f"line {sample['line']}: {'; '.join(sample['reasons'])}"
    parts = [f"{name}={_shown(value)}" for name, value in sample["added"].items()]
    parts += [
        f"{name}={_shown(each['before'])} → {_shown(each['after'])}"
        for name, each in sample["replaced"].items()
    ]
    parts += [f"without {name} {_shown(value)}" for name, value in sample["removed"].items()]
    text = f"line {sample['line']}: {sample['phone']}"
    return f"{text} {', '.join(parts)}" if parts else text


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ";".join(map(str, value))
    return json.dumps(value) if not isinstance(value, str) else " ".join(value.split())
