"""`contacts segments`, `contacts import` and `contacts export --segment`, on a store in use."""

import json
from pathlib import Path

import pytest

from app.contacts import listeners
from app.settings import Settings
from tests.conftest import run_contacts
from tests.segments.conftest import PLAN_PRO, VIP, Segments

pytestmark = pytest.mark.sqlite

PHONES = ["918856879188", "14155552671"]


@pytest.fixture
def data(segments: Segments, settings: Settings) -> str:
    return f"--data={settings.data}"


def test_sets_lists_and_deletes(data: str, segments: Segments) -> None:
    segments.client.post("/v1/contacts", json={"phone": PHONES[0], "tags": ["VIP"]})
    made = run_contacts("segments", "set", "best people", json.dumps(VIP), data)
    assert (made.returncode, made.stdout) == (0, "Made best people: 1 contact\n")
    again = run_contacts("segments", "set", "best people", json.dumps(PLAN_PRO), "--notify", data)
    assert again.stdout == "Set best people: 0 contacts\n"
    assert segments.events() == [("segment.left", "best people", PHONES[0])]
    listed = run_contacts("segments", "list", data)
    assert listed.stdout.startswith("best people  0 contacts  ready  {")
    [shown] = json.loads(run_contacts("segments", "list", "--json", data).stdout)
    assert (shown["name"], shown["filter"]) == ("best people", PLAN_PRO)
    deleted = run_contacts("segments", "delete", "best people", data)
    assert deleted.stdout == "Deleted best people\n"
    assert segments.events() == [("segment.deleted", "best people", "")]
    gone = run_contacts("segments", "delete", "best people", data)
    assert gone.returncode == 2 and "There is no such segment" in gone.stderr


@pytest.mark.parametrize(
    ("name", "filter", "reason"),
    [
        ("a", "{", "FILTER: must be JSON"),
        ("a", "[" * 20_000, "FILTER: must be JSON"),
        ("a", "[]", "FILTER: Must be a condition"),
        ("a", '{"field": "tag", "op": "has", "value": "x"}', "FILTER: op: Unknown for tag"),
        ("a", '{"field": "segment", "op": "eq", "value": "x"}', "not nested"),
        ("a", '{"field": "custom_fields.x", "op": "lt", "value": "-3d"}', "pin it"),
        ("a" * 65, "{}", "NAME: Must be at most 64 characters"),
    ],
)
def test_reports_an_invalid_segment_in_one_line(
    data: str, name: str, filter: str, reason: str
) -> None:
    done = run_contacts("segments", "set", name, filter, data)
    assert done.returncode == 2 and reason in done.stderr and done.stderr.count("\n") == 1


def test_an_import_adds_contacts_to_segments(data: str, segments: Segments, tmp_path: Path) -> None:
    segments.set("VIP", VIP)
    listeners.listen()  # As in a process of its own.
    file = tmp_path / "people.csv"
    file.write_text("phone,tags\n" + "".join(f"+{phone},VIP\n" for phone in PHONES))
    done = run_contacts("import", str(file), "--yes", data)
    assert done.returncode == 0, done.stderr
    assert segments.events() == [("segment.entered", "VIP", phone) for phone in PHONES]


def test_exports_a_segment(data: str, segments: Segments) -> None:
    segments.set("VIP", VIP)
    for phone, tags in zip(PHONES, (["VIP"], []), strict=True):
        segments.client.post("/v1/contacts", json={"phone": phone, "tags": tags})
    done = run_contacts("export", "--format", "jsonl", "--segment", "VIP", data)
    assert [json.loads(line)["phone"] for line in done.stdout.splitlines()] == PHONES[:1]
    unknown = run_contacts("export", "--segment", "x", data)
    assert unknown.returncode == 2 and "There is no such segment" in unknown.stderr
