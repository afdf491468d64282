"""`contacts export`: a whole file or none."""

import io
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.database.sqlite.store import Database
from app.transfer.xlsx_reader import XlsxSheet
from tests.conftest import clean_environ, run_contacts

FILLED = 1_000


@pytest.fixture
def data(filled_db: Database) -> Path:
    return filled_db.path.parent


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out"])
def test_writes_a_file(tmp_path: Path, data: Path, name: str) -> None:
    file = tmp_path / name
    finished = run_contacts("export", file, "--data", data)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == f"Exported 1,000 contacts to {file}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert len(lines) == FILLED + (not name.endswith(".jsonl"))
    assert lines[0].startswith("{" if name.endswith(".jsonl") else "id,phone,")
    assert [each for each in tmp_path.iterdir() if each.is_file()] == [file]


@pytest.mark.parametrize(
    ("name", "mark"), [("out.vcf", b"BEGIN:VCARD"), ("out.xlsx", b"PK\x03\x04")]
)
def test_writes_other_formats(tmp_path: Path, data: Path, name: str, mark: bytes) -> None:
    file = tmp_path / name
    finished = run_contacts("export", file, "--data", data)
    assert finished.stdout == f"Exported 1,000 contacts to {file}\n"
    content = file.read_bytes()
    assert content.startswith(mark)
    if name.endswith(".vcf"):
        assert content.count(b"END:VCARD\r\n") == FILLED
    else:
        with closing(XlsxSheet(io.BytesIO(content))) as sheet:
            assert len(list(sheet.rows())) == FILLED


def test_writes_to_standard_output(data: Path) -> None:
    finished = run_contacts("export", "--format", "jsonl", "--data", data)
    assert finished.returncode == 0
    assert len(finished.stdout.splitlines()) == FILLED
    assert finished.stderr == "Exported 1,000 contacts to standard output\n"


def test_exports_the_contacts_that_match_the_conditions(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "out.jsonl"
    finished = run_contacts(
        *("export", file, "--data", data, "--json"),
        *("--where", "tag=VIP", "--where", "tag=Lead", "--where", "custom_fields[n][lt]=10"),
    )
    result = json.loads(finished.stdout)
    assert (result["contacts"], result["format"], result["file"]) == (10, "jsonl", str(file))
    found = [json.loads(line)["custom_fields"]["n"] for line in file.read_text().splitlines()]
    assert found == list(range(10))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--where", "tag"], "--where"),
        (["--where", "bogus=1"], "bogus"),
        (["--where", "limit=1"], "limit"),
        (["--where", "q=a", "--where", "q=b"], "more than once"),
        (["--format", "xls"], "--format"),
        (["missing/out.csv"], "missing"),
        (["/dev/null"], "not a file"),
    ],
)
def test_reports_in_one_line_why_it_cannot_run(data: Path, arguments: list[str], word: str) -> None:
    finished = run_contacts("export", *arguments, "--data", data)
    assert (finished.returncode, finished.stdout) == (2, "")
    [line] = finished.stderr.splitlines()
    assert line.startswith("contacts: ") and word in line


def test_needs_a_store(tmp_path: Path) -> None:
    finished = run_contacts("export", "--data", tmp_path / "none")
    assert finished.returncode == 2 and "no store" in finished.stderr
    assert not (tmp_path / "none").exists()


def test_keeps_the_old_file_if_the_export_fails(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old")
    (data / "contacts.db").write_bytes(b"damaged" * 1_000)
    assert run_contacts("export", file, "--data", data).returncode == 2
    assert file.read_text() == "old"
    assert [each for each in tmp_path.iterdir() if each.is_file()] == [file]


def test_a_closed_pipe_prints_no_traceback(data: Path) -> None:
    command = f"{sys.executable} -m app export --data {data} | head -1"
    finished = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=clean_environ()
    )
    assert finished.stdout.startswith("id,phone,")
    assert "Traceback" not in finished.stderr


def test_an_export_can_be_imported(tmp_path: Path) -> None:
    rows = [
        {
            "phone": f"9188568{number:05}",
            "first_name": "=1+1",
            "tags": ["a;b", f"{number % 7}"],
            "custom_fields": {"n": number, "text": f"{number}", "note": 'two\n"lines" 😀'},
            "created_at": "2020-02-29T12:00:00Z",
        }
        for number in range(700)
    ]
    first = tmp_path / "first.jsonl"
    first.write_text("\n".join(map(json.dumps, rows)))
    folders = [tmp_path / "one"]
    assert run_contacts("import", first, "--data", folders[0]).returncode == 0
    for name in ("out.csv", "out.jsonl"):
        assert run_contacts("export", tmp_path / name, "--data", folders[0]).returncode == 0
        folders.append(tmp_path / name.replace(".", "-"))
        finished = run_contacts("import", tmp_path / name, "--data", folders[-1])
        assert finished.returncode == 0, finished.stdout
    stores = []
    for folder in folders:
        with closing(Database(folder / "contacts.db")) as db:
            found = db.connection().execute("SELECT phone, document, custom_fields FROM contacts")
            stores.append([(phone, text, json.loads(fields)) for phone, text, fields in found])
    assert len(stores[0]) == 700
    assert stores[0] == stores[1] == stores[2]
