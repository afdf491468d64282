"""`contacts import`: what it stores, reports and rejects, and how it stops."""

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.contacts import store
from app.database.sqlite.store import Database
from app.errors import ServiceError
from tests.conftest import StartServer, clean_environ, run_contacts, store_faults, wait_until

PRIYA, JOHN, LENA = "918856879188", "14155552671", "4915123456789"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def phones(data: Path) -> list[str]:
    with closing(Database(data / "contacts.db")) as db:
        rows = db.connection().execute("SELECT phone FROM contacts ORDER BY id")
        return [phone for (phone,) in rows]


def has_begun(data: Path) -> bool:
    try:
        return bool(phones(data))
    except ServiceError:  # Its store is not there yet.
        return False


def many(file: Path, count: int, *, first: int = 0) -> Path:
    """Write a file of `count` contacts."""
    with file.open("w") as text:
        text.write("phone,first_name,tags,custom_fields.n\n")
        for number in range(first, first + count):
            text.write(f"9188{number:08},Priya{number},Lead;VIP,{number}\n")
    return file


def start_import(*arguments: str | Path, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "import", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environ(),
        **more,
    )


def test_imports_a_file(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"phone,first_name\n{PRIYA},Priya\n{JOHN},John\n")
    finished = run_contacts("import", file, "--data", data)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "2 created, 0 updated, 0 unchanged, 0 rejected" in finished.stdout
    assert phones(data) == [PRIYA, JOHN]
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["people.csv"]
    again = run_contacts("import", file, "--data", data, "--json")
    result = json.loads(again.stdout)
    assert (result["unchanged"], result["complete"], result["rejected_file"]) == (2, True, None)


def test_reads_standard_input(data: Path) -> None:
    for text in (f"phone\n{PRIYA}\n", json.dumps({"phone": JOHN})):
        finished = subprocess.run(
            [sys.executable, "-m", "app", "import", "-", "--data", str(data)],
            input=text,
            capture_output=True,
            text=True,
            env=clean_environ(),
        )
        assert finished.returncode == 0, finished.stderr
    assert phones(data) == [PRIYA, JOHN]


def test_shows_guessed_columns_before_the_import(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"Mobile,Plan\n{PRIYA},pro\n")
    finished = run_contacts("import", file, "--data", data)
    assert finished.returncode == 0
    assert "Mobile → phone" in finished.stderr
    assert "Plan → custom_fields.Plan" in finished.stderr
    mapped = run_contacts(
        "import", file, "--data", data, "--map", "Mobile=phone,Plan=custom_fields.plan"
    )
    assert mapped.stderr == ""
    with closing(Database(data / "contacts.db")) as db:
        contact = store.find_contact(db.connection(), PRIYA)
    assert contact and contact.custom_fields == {"Plan": "pro", "plan": "pro"}


def on_a_terminal(answer: bytes, *arguments: str | Path) -> tuple[str, int]:
    """Run an import on a terminal with an answer; return the output and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable,
            [sys.executable, "-m", "app", "import", *map(str, arguments)],
            clean_environ(),
        )
    os.write(terminal, answer)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # Linux reports the closed other end this way.
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return shown.decode(), os.waitstatus_to_exitcode(status)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_asks_on_a_terminal_and_shows_progress(tmp_path: Path, data: Path) -> None:
    file = many(tmp_path / "many.csv", 2_500)
    file.write_text(file.read_text().replace("phone", "Mobile", 1))
    shown, status = on_a_terminal(b"n\n", file, "--data", data)
    assert status == 130 and "Mobile → phone" in shown
    assert not data.exists()
    shown, status = on_a_terminal(b"y\n", file, "--data", data)
    assert status == 0
    assert "rows, " in shown and "/s, 0 rejected" in shown
    assert len(phones(data)) == 2_500
    shown, status = on_a_terminal(b"", file, "--data", data, "--yes", "--quiet")
    assert status == 0 and "/s, " not in shown


def test_a_dry_run_shows_a_preview_and_stores_nothing(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"phone,first_name\n{PRIYA},Priya\n12,Bad\n")
    first = run_contacts("import", file, "--data", data, "--dry-run")
    assert first.returncode == 1 and "1 created" in first.stdout
    assert not data.exists()
    other = tmp_path / "other.csv"
    other.write_text(f"phone\n{JOHN}\n")
    assert run_contacts("import", other, "--data", data).returncode == 0
    finished = run_contacts("import", file, "--data", data, "--dry-run")
    assert finished.returncode == 1
    assert f"Created: 1 row, such as\n  line 2: {PRIYA} first_name=Priya" in finished.stdout
    assert "line 3: phone: Too short" in finished.stdout
    assert "Would import 2 rows: 1 created" in finished.stdout
    assert phones(data) == [JOHN]
    assert not (tmp_path / "people.rejected.csv").exists()


def test_a_preview_has_no_control_characters_of_the_file(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"phone,pl\x1ban,\x1b[2Jok\n{PRIYA},\x1b]0;title\x07,true\n{JOHN},a,false\n")
    shown, _ = on_a_terminal(b"y\n", file, "--data", data)
    assert "\\x1b]0;title\\x07" in shown and "ok=false" in shown
    for sign in ("\x1b]", "\x1b[2J", "l\x1ba"):
        assert sign not in shown


def test_rejects_a_line_of_deeply_nested_json(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.jsonl"
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    file.write_text(f'{deep}\n{{"phone": "{PRIYA}"}}\n')
    finished = run_contacts("import", file, "--data", data)
    assert (finished.returncode, finished.stderr) == (1, "")
    assert "nested too deeply" in finished.stdout and phones(data) == [PRIYA]
    assert (tmp_path / "people.rejected.jsonl").stat().st_size > len(deep)


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        (
            "people.csv",
            f'phone;first_name;tags\r\n{PRIYA};"Pri;ya";VIP\r\n9.18857E+11;"Jo ""J""";a\r\n'
            "1;2;3;4\r\n",
            [(b"9.18857E+11", JOHN.encode()), (b"1;2;3;4", LENA.encode() + b";2;3")],
        ),
        (
            "people.jsonl",
            f'{{"phone": "{PRIYA}"}}\n{{"phone": "9.1E+11", "first_name": "Jo"}}\n{{"phone":\n',
            [
                (b"9.1E+11", JOHN.encode()),
                (b'"rejected_text": "{\\"phone\\":"', f'"phone": "{LENA}"'.encode()),
            ],
        ),
    ],
    ids=["csv", "jsonl"],
)
def test_rejected_rows_can_be_corrected_and_imported(
    tmp_path: Path,
    data: Path,
    name: str,
    text: str,
    wrong: list[tuple[bytes, bytes]],
) -> None:
    file = tmp_path / name
    file.write_text(text, newline="")
    finished = run_contacts("import", file, "--data", data)
    assert finished.returncode == 1
    rejected = tmp_path / name.replace(".", ".rejected.")
    assert str(rejected) in finished.stdout
    assert rejected.stat().st_mode & 0o777 == 0o600
    assert phones(data) == [PRIYA]
    corrected = rejected.read_bytes()
    assert b"scientific" in corrected
    for old, new in wrong:
        assert old in corrected
        corrected = corrected.replace(old, new)
    rejected.write_bytes(corrected)
    again = run_contacts("import", rejected, "--data", data)
    assert again.returncode == 0, again.stdout + again.stderr
    assert phones(data) == [PRIYA, JOHN, LENA]


def test_rejected_rows_never_replace_the_file_that_is_read(tmp_path: Path, data: Path) -> None:
    file, link = tmp_path / "people.csv", tmp_path / "link.csv"
    file.write_text(text := f"phone\n{PRIYA}\n12\n")
    link.hardlink_to(file)
    for named in (file, link):
        finished = run_contacts("import", file, "--data", data, "--rejected", named)
        assert finished.returncode == 2 and "another file" in finished.stderr
    assert file.read_text() == text


def test_reports_rejected_rows_that_do_not_fit_on_the_disk(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"phone\n{PRIYA}\n")
    assert run_contacts("import", file, "--data", data).returncode == 0
    file.write_text("phone,first_name\n" + f"12,{'x' * 200}\n" * 4_000)

    def limit() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))

    command = start_import(file, "--data", data, preexec_fn=limit)
    result, failed = command.communicate(timeout=60)
    assert command.returncode == 2 and failed.startswith("contacts: cannot write the output: ")
    assert "Imported 1," in result and "Stopped: all up to line" in result
    assert {path.name for path in tmp_path.iterdir()} == {"data", "people.csv"}


def test_reports_a_path_that_is_not_a_file_in_one_line(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone\n")
    for more in (["import", file, "--rejected", "."], ["export", "."], ["export", "/"]):
        finished = run_contacts(*more, "--data", data)
        assert finished.returncode == 2 and len(finished.stderr.splitlines()) == 1
    shell = ["sh", "-c", '"$@" <&-', "-", sys.executable, "-m", "app", "import", "-"]
    closed = subprocess.run(shell, capture_output=True, text=True, env=clean_environ())
    assert closed.returncode == 2 and "standard input is closed" in closed.stderr


def test_rejected_rows_never_overwrite_a_file_that_is_being_corrected(
    tmp_path: Path, data: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("phone\n12\n")
    (tmp_path / "people.rejected.csv").write_text("corrected by hand")
    finished = run_contacts("import", file, "--data", data)
    assert (tmp_path / "people.rejected.csv").read_text() == "corrected by hand"
    assert "12" in (tmp_path / "people.rejected-2.csv").read_text()
    assert "people.rejected-2.csv" in finished.stdout
    named = tmp_path / "bad.csv"
    named.write_text("old")
    run_contacts("import", file, "--data", data, "--rejected", named)
    assert named.read_text().startswith("rejected_line,rejected_reason,phone")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing.csv"], "missing.csv"),
        (["."], "cannot read"),
        (["people.csv", "--map", "x"], "--map"),
        (["people.csv", "--map", "x=phone"], "no column"),
        (["people.csv", "--default-country", "XX"], "--default-country"),
        (["people.csv", "--format", "xls"], "--format"),
        (["people.csv", "--rejected", "missing/x.csv"], "missing"),
        (["empty.csv"], "file is empty"),
        (["mail.csv"], "phone"),
    ],
)
def test_reports_in_one_line_why_it_cannot_run(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], word: str
) -> None:
    (tmp_path / "people.csv").write_text(f"phone\n{PRIYA}\n")
    (tmp_path / "mail.csv").write_text("email\na@b.co\n")
    (tmp_path / "empty.csv").touch()
    monkeypatch.chdir(tmp_path)
    finished = run_contacts("import", *arguments, "--data", data)
    assert finished.returncode == 2
    [line] = [each for each in finished.stderr.splitlines() if "guessed" not in each][-1:]
    assert line.startswith("contacts: ") and word in line


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_stores_complete_batches_and_reports_them(
    tmp_path: Path, data: Path, how: signal.Signals
) -> None:
    file = many(tmp_path / "many.csv", 30_000)
    with start_import(file, "--data", data, "--json") as process:
        wait_until(lambda: has_begun(data))
        process.send_signal(how)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + how
    result = json.loads(stdout)
    assert result["complete"] is False
    assert result["created"] == result["last_line"] - 1 == len(phones(data)) < 30_000
    assert store_faults(data / "contacts.db") == []


def test_a_signal_ends_the_wait_for_input(data: Path) -> None:
    """All of it is read before anything is stored."""
    with start_import("-", "--data", data, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write("phone\n" + "".join(f"9188{n:08}\n" for n in range(9_000)))
        process.stdin.flush()  # More than a pipe holds, so that the command reads.
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        process.stdin.close()
    assert not data.exists()


def test_an_import_killed_while_a_server_runs_can_be_repeated(
    tmp_path: Path, start_server: StartServer
) -> None:
    server = start_server()
    file = many(tmp_path / "many.csv", 6_000)
    with start_import(file, "--data", server.data) as process:
        wait_until(lambda: server.get(limit=1).json()["pagination"]["total"] > 0)
        process.kill()
        process.wait(30)
    total = server.get(limit=1).json()["pagination"]["total"]
    assert 0 < total < 6_000
    assert server.post(phone=JOHN).status_code == 201
    last = server.get("/v1/changes", limit=1).json()
    assert last["changes"][0]["event"] == "contact.created"
    finished = run_contacts("import", file, "--data", server.data, "--json")
    result = json.loads(finished.stdout)
    assert (result["created"], result["unchanged"]) == (6_000 - total, total)
    assert server.get(limit=1).json()["pagination"]["total"] == 6_001
    assert server.stop() == 0
    assert store_faults(server.data / "contacts.db") == []


def test_two_concurrent_imports_store_each_contact_once(tmp_path: Path, data: Path) -> None:
    """Both files have the same 1,500 contacts, and 1,000 of their own each."""
    run_contacts("import", many(tmp_path / "none.csv", 0), "--data", data)
    files = [many(tmp_path / f"{first}.csv", 2_500, first=first) for first in (0, 1_000)]
    started = [start_import(file, "--data", data, "--json") for file in files]
    result = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert [each["rows"] for each in result] == [2_500, 2_500]
    assert sum(each["created"] for each in result) == 3_500
    assert sum(each["unchanged"] for each in result) == 1_500
    assert len(phones(data)) == 3_500
    assert store_faults(data / "contacts.db") == []


def peak(data: Path, file: Path, *options: str) -> int:
    """Return the most memory, in KiB, that an import held."""
    process = start_import(file, "--data", data, *options)
    assert process.stdout and process.stderr
    process.stdout.close()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1, 2)
    return usage.ru_maxrss


@pytest.fixture
def sizes(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    few, more = many(tmp_path / "few.csv", 5_000), many(tmp_path / "more.csv", 30_000)
    yield few, more
    more.unlink()


@pytest.mark.soak
def test_memory_does_not_grow_with_the_file(tmp_path: Path, sizes: tuple[Path, Path]) -> None:
    few, more = sizes
    for number, options in enumerate(([], ["--dry-run"])):
        store_ = tmp_path / f"store-{number}"
        run_contacts("import", many(tmp_path / "none.csv", 0), "--data", store_)
        small = peak(store_, few, *options)
        assert peak(store_, more, *options) < small + 15_000


def test_stores_nothing_if_the_country_of_numbers_is_uncertain(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("Mobile,Name\n9886012345,Asha\n6512345678,Sunita\n8123456789,Meena\n")
    refused = run_contacts("import", file, "--data", data)
    assert refused.returncode == 2 and not data.exists()
    assert "--default-country" in refused.stderr and "SG" in refused.stderr
    finished = run_contacts("import", file, "--data", data, "--default-country", "in", "--json")
    result = json.loads(finished.stdout)
    assert (result["numbers"], result["columns"]["Name"]) == ({"IN": 3}, "full_name")
    again = run_contacts("import", file, "--data", data, "--dry-run", "--json")
    result = json.loads(again.stdout)
    assert again.returncode == 2 and "the result would be" in result["preview"]["problem"]


def test_rejected_vcards_are_written_as_csv(tmp_path: Path, data: Path) -> None:
    card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{}\r\nTEL;TYPE=CELL:{}\r\nEND:VCARD\r\n"
    file = tmp_path / "people.vcf"
    file.write_text(card.format("Asha Rao", f"+{PRIYA}") + card.format("Jo", "+1 2 x3"), newline="")
    finished = run_contacts("import", file, "--data", data, "--add-tag", "Fair")
    assert finished.returncode == 1 and phones(data) == [PRIYA]
    rejected = tmp_path / "people.rejected.csv"
    rejected.write_text(rejected.read_text().replace("+1 2 x3", f"+{JOHN}"))
    again = run_contacts("import", rejected, "--data", data)
    assert again.returncode == 0, again.stderr
    assert phones(data) == [PRIYA, JOHN]


def test_rejected_rows_of_a_workbook_are_written_as_a_workbook(tmp_path: Path, data: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    for cells in (
        ["Phone", "Zip", "Day"],
        [f"+{PRIYA}", "01", 1],
        ["+1 2 x3", "02", date(2024, 5, 3)],
    ):
        sheet.append(cells)
    book.save(file := tmp_path / "people.xlsx")
    assert run_contacts("import", file, "--data", data).returncode == 1
    for number, phone in enumerate(("+1 2 x4", f"+{JOHN}")):
        rejected = tmp_path / ("people" + ".rejected" * (number + 1) + ".xlsx")
        sheet = openpyxl.load_workbook(rejected).active
        assert sheet
        (head, row) = ([cell.value for cell in cells] for cells in sheet.rows)
        assert head == ["rejected_line", "rejected_reason", "Phone", "Zip", "Day"]
        assert row[2:] == ["+1 2 x3" if not number else "+1 2 x4", "02", "2024-05-03"]
        sheet["C2"] = phone
        sheet.parent.save(rejected)
        again = run_contacts("import", rejected, "--data", data)
    assert again.returncode == 0, again.stderr
    assert phones(data) == [PRIYA, JOHN]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--encoding", "klingon"),
        ("--skip-lines", "x"),
        ("--tag-separator", " "),
        ("--default-country", "XX"),
        ("--add-tag", " "),
    ],
)
def test_names_the_invalid_option(tmp_path: Path, data: Path, option: str, value: str) -> None:
    (tmp_path / "people.csv").write_text(f"phone\n{PRIYA}\n")
    finished = run_contacts("import", tmp_path / "people.csv", "--data", data, option, value)
    assert finished.returncode == 2 and option in finished.stderr
