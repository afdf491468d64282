"""Cells of phone columns: one number, several, or none that is certain."""

import time

import pytest

from app.contacts.phone import PhoneError
from app.transfer.phone_cells import Doubtful, PhoneReader, is_bare, split_cell

READER = PhoneReader("possible")


@pytest.mark.parametrize(
    ("cell", "region", "digits"),
    [
        ("+49 (0)30 1234567", None, "49301234567"),
        ("0049 30 1234568", None, "49301234568"),
        ("+49 30/1234567", None, "49301234567"),
        ("030/1234567", "DE", "49301234567"),
        ("+49 30 123456-78", None, "493012345678"),
        ("0172-1234567", "DE", "491721234567"),
        ("(206) 555-0100", "US", "12065550100"),
        ("011 44 20 7946 0958", "US", "442079460958"),
        ("98860-12345", "IN", "919886012345"),
        ("919886012345", "IN", "919886012345"),
        ("6512345678", "IN", "916512345678"),
        ("4915123456789", "IN", "4915123456789"),
        ("12065550122@c.us", "IN", "12065550122"),
        ("https://wa.me/12065550121", "IN", "12065550121"),
        ("5215512345678", "BR", "525512345678"),
        ("551187654321", "BR", "551187654321"),
    ],
)
def test_reads_numbers(cell: str, region: str | None, digits: str) -> None:
    assert READER.read(cell, region).digits == digits


@pytest.mark.parametrize(
    ("cell", "region", "word"),
    [
        ("+1 608-271-9000 x11", None, "extension"),
        ("+1 608 271 9001 ext. 202", None, "extension"),
        ("+1 608-271-9002;ext=5", None, "extension"),
        ("+1 608 271 9002 #5", None, "extension"),
        ("+49 30 123456 Durchwahl 7", None, "extension"),
        ("98860 12347 / 98860 12348", None, "two numbers"),
        ("+919886012349, +919886012350", None, "two numbers"),
        ("+1 206 555 0100 or 206 555 0101", None, "two numbers"),
        ("+91 98860 12351/52", None, "52"),
        ("+62 21 555 1234/35", None, "35"),
        ("+49 30 12345/67", None, "67"),
        ("+62 21 555 1234-35", None, "35"),
        ("98860 12351-52", "IN", "52"),
        ("06 12 34 56 78 & 79", "FR", "79"),
        ("9.18857E+11", None, "scientific"),
        ("918856879188.0", None, "decimal"),
        ("12/05/2021", None, "date"),
    ],
)
def test_rejects_cells_with_more_or_less_than_a_number(
    cell: str, region: str | None, word: str
) -> None:
    with pytest.raises(Doubtful, match=word):
        READER.read(cell, region)


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        ("5552674", "US"),
        ("98860 1234", "IN"),
        ("987654321", "BR"),
        ("12", "US"),
        ("011 44 20 7946 0958", "IN"),
        ("+1 206 555 0125 (Mobile)", None),
    ],
)
def test_rejects_cells_that_are_not_numbers(cell: str, region: str | None) -> None:
    with pytest.raises(PhoneError):
        READER.read(cell, region)


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("+49 151 23456789 ::: +49 160 98765432", ["+49 151 23456789", "+49 160 98765432"]),
        ("+14155552671; +14155552672", ["+14155552671", "+14155552672"]),
        ("'+14155552671", ["+14155552671"]),
        ('="14155552671"', ["14155552671"]),
        ('="+1415;2671"', ["+1415", "2671"]),
        ("n/a", []),
        (" - ", []),
        ("#N/A", []),
        ("+1 608-271-9002;ext=5", ["+1 608-271-9002;ext=5"]),
    ],
)
def test_splits_lists_and_drops_quotes(cell: str, numbers: list[str]) -> None:
    found = split_cell(cell)
    assert [each.strip('="') for each in found] == numbers


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("6512345678", True),
        ("08856879188", True),
        ("(202) 555-0129", True),
        ("+6512345678", False),
        ("0065 12345678", False),
        ("12065550122@c.us", False),
        ("7911", False),
        ("call me", False),
    ],
)
def test_reports_numbers_without_a_country_code(text: str, bare: bool) -> None:
    assert is_bare(text) is bare


@pytest.mark.parametrize("sign", [" ", "1 ", "1/", "1 or ", "'", '="', "1p", "1-", ",", "\n", ";"])
def test_long_cells_take_no_longer_than_their_length(sign: str) -> None:
    started = time.process_time()
    for number in split_cell(f"1{sign * 20_000}1"):
        with pytest.raises(PhoneError):
            PhoneReader("possible", "IN").read(number)
    assert time.process_time() - started < 2


def test_reads_a_number_that_is_padded_with_spaces() -> None:
    [number] = split_cell("+1 206 555 0101".ljust(255))
    assert PhoneReader("possible").read(number).digits == "12065550101"
    [number] = split_cell("+1 206 555 0101   ext   12".ljust(255))
    with pytest.raises(Doubtful, match="extension"):
        PhoneReader("possible").read(number)
