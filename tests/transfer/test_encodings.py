"""The encoding of a file is detected before its first row is read."""

import codecs
import io
import time
from pathlib import Path

import pytest
from marshmallow import ValidationError

from app.errors import InvalidInput
from app.transfer.encodings import Encoding, decoded, detect, named
from tests.transfer.memory import traced_peak

ROWS = (
    "phone;first_name;city\r\n+34 612 345 678;José;Málaga\r\n+34 613 345 678;Ana;Núñez – Este\r\n"
)
NAMES = {
    "cp1252": ["Jürgen;Köln", "Núñez;Lugo", "João;São Paulo", "François;Orléans", "Åsa;Malmö"],
    "cp1250": ["Łukasz;Łódź", "Małgorzata;Wrocław", "Jiří;Plzeň", "Győző;Győr"],
    "cp1251": ["Ольга;Москва", "Иван Петров;Тверь"],
    "cp1253": ["Γιώργος;Αθήνα", "Ελένη;Θεσσαλονίκη"],
    "cp1254": ["Yılmaz;İstanbul", "Ayşe;Çeşme", "Çağrı;Muğla"],
    "cp1256": ["محمد;القاهرة", "فاطمة;دبي"],
    "mac_roman": ["José;Málaga", "Jürgen Weiß;Köln", "Hélène;Orléans", "María;León"],
    "cp850": ["José;Málaga", "Núñez;Lugo"],
    "cp932": ["田中;東京", "さくら;大阪"],
    "cp949": ["김민수;서울", "이영희;부산"],
    "gb18030": ["王伟;北京", "李娜;上海"],
    "big5": ["王偉;台北", "李娜;高雄"],
}


def read(content: bytes, wanted: Encoding | None = None) -> str:
    file = io.BytesIO(content)
    return b"".join(decoded(file, detect(file, wanted))).decode()


@pytest.mark.parametrize("encoding", NAMES)
@pytest.mark.parametrize("times", [1, 200])
def test_reads_names_in_old_encodings(encoding: str, times: int) -> None:
    text = "phone;name;city\r\n" + times * "".join(
        f"+1 206 555 0101;{name}\r\n" for name in NAMES[encoding]
    )
    found = detect(io.BytesIO(text.encode(encoding)))
    assert read(text.encode(encoding)) == text, found
    assert not found.is_certain


@pytest.mark.parametrize("name", ["José", "Jürgen", "Conceição", "Gülşen", "Łódź", "Dvořák"])
def test_detects_the_encoding_from_one_name(name: str) -> None:
    encoding = {"Gülşen": "cp1254", "Łódź": "cp1250", "Dvořák": "cp1250"}.get(name, "cp1252")
    text = f"phone,name\n+12065550101,{name}\n+12065550102,Ann\n"
    assert read(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_reads_unicode_with_a_byte_order_mark(encoding: str) -> None:
    assert read(ROWS.encode(encoding)) == ROWS
    assert detect(io.BytesIO(ROWS.encode(encoding))).is_certain


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_reads_utf_16_without_a_byte_order_mark(encoding: str) -> None:
    assert read(ROWS.encode(encoding)) == ROWS
    assert detect(io.BytesIO(ROWS.encode(encoding))).label == "UTF-16"


def test_one_bad_row_does_not_change_the_encoding_of_a_utf_8_file() -> None:
    content = (ROWS * 3).encode() + "+34 614 345 678;José;Vigo\r\n".encode("cp1252")
    assert detect(io.BytesIO(content)) == Encoding("utf-8")


def test_detects_the_encoding_from_the_last_row() -> None:
    plain = b"+34 612 345 678;Ana;Vigo\r\n" * 20_000
    assert detect(io.BytesIO(plain + "Núñez".encode("cp1252"))).label == "Windows-1252"
    assert detect(io.BytesIO(plain + "Núñez".encode())).label == "UTF-8"
    assert detect(io.BytesIO(plain)).label == "UTF-8"
    assert detect(io.BytesIO(b"")).label == "UTF-8"


def test_uses_the_named_encoding() -> None:
    content = "Søren".encode("cp1252")
    assert read(content, named("windows-1250")) == "Sřren"
    assert read(codecs.BOM_UTF16_BE + "Ærø".encode("utf-16-be"), named("utf-16")) == "Ærø"
    assert named("ISO-8859-1").name == named("ansi").name == named("cp1252").name == "cp1252"
    assert named("UTF8").label == "UTF-8"
    for unknown in ("utf-9", "base64", "", "a\0b"):
        with pytest.raises(ValidationError):
            named(unknown)


def test_rejects_a_file_that_is_not_in_the_named_encoding() -> None:
    with pytest.raises(InvalidInput, match="Line 2 is not Shift JIS"):
        detect(io.BytesIO(b"phone\nNu\x81"), named("cp932"))
    with pytest.raises(InvalidInput, match="Line 1 is not UTF-16"):
        detect(io.BytesIO(codecs.BOM_UTF16_LE + b"\x00\xd8a\x00"))
    with pytest.raises(InvalidInput, match="encoding"):
        detect(io.BytesIO(bytes(range(128, 256)) * 20))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    with path.open("wb") as file:
        for number in range(20_000):
            file.write(
                f"+34{number:09};José {number};Málaga de los {number} vientos\n".encode("cp1252")
            )
    with path.open("rb") as file, traced_peak() as peak:
        encoding = detect(file)
        size = sum(len(chunk) for chunk in decoded(file, encoding))
    assert size > 1_000_000
    assert encoding.name == "cp1252"
    assert peak() < 1_300_000


def test_a_long_run_of_letters_takes_no_longer_than_its_length() -> None:
    started = time.process_time()
    assert detect(io.BytesIO(b"phone;Jos\xe9\n" + b"a" * 60_000 + b"\n")).name == "cp1252"
    assert time.process_time() - started < 5
