"""JSON Lines: strict JSON on each line."""

import io
import json

import pytest

from app.transfer.lines import MAX_BYTES
from app.transfer.readers import Opened, Source, open_file
from app.transfer.rows import FileRow


def opened(data: bytes, mapping: dict[str, str]) -> Opened:
    return open_file(Source(io.BytesIO(data), format="jsonl", mapping=mapping))


def rows(data: bytes, **mapping: str) -> list[FileRow]:
    return list(opened(data, mapping).rows())


def test_reads_lines() -> None:
    data = b'\xef\xbb\xbf{"phone": "1"}\r\n\n  \n{"phone": "2", "tags": ["a"]}'
    found = rows(data)
    assert [row.values for row in found] == [{"phone": "1"}, {"phone": "2", "tags": ["a"]}]
    assert [row.line for row in found] == [1, 4]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (b'{"phone": "1"', "delimiter"),
        (b'{"phone": "1", "phone": "2"}', "twice"),
        (b'{"phone": NaN}', "NaN"),
        (b'{"phone": "\xff"}', "UTF-8"),
        (b'["1"]', "object"),
        (b'"1"', "object"),
        (b"[" * 40 + b"]" * 40, "deep"),
        (b'{"phone": "' + b"1" * MAX_BYTES + b'"}', "Longer"),
        (b'{"rejected_line": 1, "rejected_text": "{"}', "Correct"),
    ],
)
def test_reports_bad_lines_and_continues(line: bytes, word: str) -> None:
    bad, good = rows(line + b'\n{"phone": "2"}\n')
    assert bad.values is None and word in (bad.fault or "")
    assert good.values == {"phone": "2"} and good.line == 2


def test_renames_keys() -> None:
    line = {"Mobile": "1", "Plan": "pro", "x": 1, "custom_fields": {"a": 1}}
    [row] = rows(json.dumps(line).encode(), Mobile="phone", Plan="custom_fields.plan", x="")
    assert row.values == {"phone": "1", "custom_fields": {"a": 1, "plan": "pro"}}


@pytest.mark.parametrize(
    "line", [{"M": "1", "phone": "2"}, {"P": "pro", "custom_fields": {"plan": "free"}}]
)
def test_a_renamed_key_never_replaces_another(line: dict[str, object]) -> None:
    [row] = rows(json.dumps(line).encode(), M="phone", P="custom_fields.plan")
    assert row.values is None and "beside" in (row.fault or "")


def test_rejected_rows_can_be_corrected() -> None:
    source = opened(b'{"phone": "12", "tags": ["a"]}\n{"phone": \n', {})
    one, other = source.rows()
    first = json.loads(source.rejected.row(one, "why"))
    assert first == {
        "rejected_line": 1,
        "rejected_reason": "why",
        "phone": "12",
        "tags": ["a"],
    }
    second = json.loads(source.rejected.row(other, "why"))
    assert second == {"rejected_line": 2, "rejected_reason": "why", "rejected_text": '{"phone": '}
    [again] = rows(json.dumps(first).encode())
    assert again.values == {"phone": "12", "tags": ["a"]}
