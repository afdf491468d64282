"""The contacts of a stand-in at its start: `--seed` and `--demo`."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from app.contacts import phone
from app.standin.demo_names import NAMES
from app.standin.seeds import demo
from contacts_standin import running
from tests.conftest import run_contacts
from tests.standin.conftest import Client

PERSON = {
    "id": "cnt_918856879188",
    "phone": "918856879188",
    "first_name": "Priya",
    "last_name": None,
    "email": "priya@example.com",
    "tags": ["Lead"],
    "custom_fields": {"plan": "pro", "n": 1.5, "ok": True},
    "created_at": "2026-06-02T08:00:00Z",
    "updated_at": "2026-06-02T08:00:00Z",
}


def test_loads_a_file_and_returns_to_it(tmp_path: Path) -> None:
    file = tmp_path / "seed.jsonl"
    other = {"phone": "+91 88568 79189"}
    file.write_text("\ufeff" + json.dumps(PERSON) + "\r\n\n" + json.dumps(other))
    with running("--seed", str(file)) as standin, Client(standin) as client:
        for _ in range(2):
            listed = client.call("GET", "/v1/contacts?include=custom_fields").json()["contacts"]
            assert [each["phone"] for each in listed] == ["918856879188", "918856879189"]
            assert listed[0]["custom_fields"] == PERSON["custom_fields"]
            assert [listed[0][name] for name in ("first_name", "tags")] == ["Priya", ["Lead"]]
            assert listed[0]["created_at"] == PERSON["created_at"]
            client.call("DELETE", "/v1/contacts/918856879188")
            client.upsert("918856879190")
            standin.reset()


def test_rejects_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    finished = run_contacts("serve", "--stand-in", "--port", "0", "--seed", tmp_path / "pipe.jsonl")
    assert finished.returncode == 2 and "must be a file" in finished.stderr


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([PERSON, {"phone": "12"}], "--seed line 2: phone"),
        ([PERSON | {"id": "cnt_1"}], "--seed line 1: id"),
        ([PERSON | {"plan": 1}], "--seed line 1: "),
        (["[1]"], "--seed: file: This is a JSON list"),
        (["{"], "--seed line 1: "),
        (["[" * 100_000], "--seed: file: This is a JSON list"),
        (["\udcff"], "--seed line 1: "),
        (None, "cannot read"),
    ],
)
def test_an_invalid_file_stops_the_start(
    tmp_path: Path, lines: list[object] | None, reason: str
) -> None:
    file = tmp_path / "seed.jsonl"
    if lines is not None:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        file.write_text("\n".join(texts), errors="surrogateescape")
    done = run_contacts("serve", "--stand-in", "--port", "0", "--seed", file)
    assert done.returncode == 2
    assert done.stdout == ""
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_invalid_file_does_not_change_the_store(tmp_path: Path) -> None:
    file, data = tmp_path / "seed.jsonl", tmp_path / "data"
    file.write_text(json.dumps(PERSON) + "\n{}\n")
    done = run_contacts("serve", "--stand-in", "--data", data, "--seed", file)
    assert done.returncode == 2
    with running("--data", str(data)) as standin, Client(standin) as client:
        assert client.total() == 0


def test_loads_csv(tmp_path: Path) -> None:
    file = tmp_path / "seed.csv"
    file.write_text("phone,first_name,tags,custom_fields.n\n918856879188,Priya,Lead;VIP,7\n")
    with running("--seed", str(file)) as standin, Client(standin) as client:
        listed = client.call("GET", "/v1/contacts?include=custom_fields").json()["contacts"]
    assert (listed[0]["tags"], listed[0]["custom_fields"]) == (["Lead", "VIP"], {"n": 7})


def test_demo_contacts_are_plausible_and_the_same_each_time() -> None:
    people = list(demo(1_000))
    assert people == list(demo(1_000))
    assert people[:300] == list(demo(300))
    assert len(NAMES) == 30
    countries = Counter(each["custom_fields"]["country"] for each in people)
    assert set(countries) == set(NAMES)
    assert max(countries.values()) - min(countries.values()) <= 1
    numbers = [each["phone"] for each in people]
    assert len(set(numbers)) == 1_000
    assert [each for each in numbers if phone.normalise(each, "valid") != each] == []
    assert {len(each["tags"]) for each in people} == {0, 1, 2}


def test_serves_demo_contacts() -> None:
    with running("--demo", "1000") as standin, Client(standin) as client:
        assert client.total() == 1_000
        tagged = client.call("GET", "/v1/contacts?tag=VIP&limit=100").json()
        assert tagged["pagination"]["total"] > 100
        found = client.call("GET", "/v1/contacts?custom_fields[country]=JP").json()
        assert found["pagination"]["total"] in (33, 34)
        assert client.call("GET", "/v1/changes?limit=1").json()["changes"][0]["seq"] == 1


def test_has_enough_numbers_for_a_large_demo() -> None:
    people = list(demo(30_000))
    assert len({each["phone"] for each in people}) == 30_000
