"""Rows in another encoding than their file are rejected or reported."""

import pytest

from app.database import Database
from app.errors import InvalidInput
from tests.transfer.test_intake import ANN, contact, import_text, warnings

HEAD = "phone,first_name\n"


def rows(name: str, count: int = 10) -> str:
    return "".join(f"+1415555{number:04},{name}\n" for number in range(2600, 2600 + count))


def test_a_row_that_is_not_utf_8_is_rejected(db: Database) -> None:
    report = import_text(db, (HEAD + rows("Jörg")).encode() + f"+{ANN},Jürgen\n".encode("cp1252"))
    assert (report.created, report.rejected) == (10, 1)
    assert report.errors[0]["line"] == 12 and "Not UTF-8" in report.errors[0]["reason"]


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("most", "encoding", "other"),
    [("Jörg", "cp1252", "Jürgen"), ("Łukasz", "cp1250", "Żaneta"), ("Nuñez", "cp1252", "Şule")],
)
def test_a_file_with_some_rows_in_utf_8_is_rejected(
    db: Database, most: str, encoding: str, other: str
) -> None:
    with pytest.raises(InvalidInput, match="Some lines are UTF-8"):
        import_text(db, (HEAD + rows(most)).encode(encoding) + f"+{ANN},{other}\n".encode())


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("JÃ¼rgen", 'Has "Ã¼", which is likely "ü"'),
        ("RenÃ© DuprÃ©", 'likely "é"'),
        ("J\ufffdrgen", "a letter that another program could not read"),
    ],
)
def test_text_that_was_misread_before_is_a_warning(db: Database, row: str, shown: str) -> None:
    report = import_text(db, f"{HEAD}+{ANN},{row}\n")
    assert report.warnings[0]["line"] == 2 and shown in warnings(report)
    assert contact(db, ANN).first_name == row


def test_rows_that_may_be_in_another_encoding_are_warnings(db: Database) -> None:
    data = (HEAD + rows("Jörg", 3)).encode("cp1252") + f"+{ANN},Иван\n".encode("cp1251")
    report = import_text(db, data)
    assert report.warnings[0]["line"] == 5 and "may not be Windows-1252" in warnings(report)


@pytest.mark.parametrize(
    "name", ["Jörg", "Иван", "अनीता", "李雷", "Zoë ½ €", "Ñandú", "ÅÄÖ", "“Ana”"]
)
def test_ordinary_names_are_no_warning(db: Database, name: str) -> None:
    assert import_text(db, f"{HEAD}+{ANN},{name}\n").warnings == []
