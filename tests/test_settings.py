"""Settings: defaults, the environment, options, and errors in one line."""

from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest
from pytest import CaptureFixture, MonkeyPatch, Subtests

from app.errors import StartError
from app.setting_values import PrivateTargets
from app.settings import PREFIX, Settings, default_data_folder, load, load_or_exit

GOOD = {
    "webhook_retries": ("10s, 2m", (10, 120)),
    "database_url": ("postgresql://user@host/name", "postgresql://user@host/name"),
    "data": ("/srv/contacts", Path("/srv/contacts")),
    "host": ("::1", "::1"),
    "port": ("65535", 65_535),
    "workers": ("64", 64),
    "threads": ("1", 1),
    "phone_check": ("valid", "valid"),
    "max_body_bytes": ("1024", 1_024),
    "max_import_bytes": ("1099511627776", 2**40),
    "rate_limit": ("0", 0),
    "wrong_key_limit": ("60", 60),
    "trusted_proxies": ("10.1.2.3/8, ::1", (ip_network("10.0.0.0/8"), ip_network("::1/128"))),
    "cors_origins": (
        "https://App.example.com:443, http://[::1]:3000,capacitor://localhost",
        ("https://app.example.com", "http://[::1]:3000", "capacitor://localhost"),
    ),
    "metrics_public": ("yes", True),
    "console": ("no", False),
    "log_level": ("debug", "debug"),
    "log_format": ("text", "text"),
    "changes_days": ("7", 7),
    "webhook_allow_private": (
        " 10.1.2.3/8, ::1,Hooks.lan",
        PrivateTargets((ip_network("10.0.0.0/8"), ip_network("::1/128")), ("hooks.lan",)),
    ),
}

RETRIES = "10s,60s,5m"
DEFAULT_TEXTS = {None: "postgres://a/b", False: "no", True: "yes", (): "", PrivateTargets(): ""}
BAD = {
    "webhook_retries": ["", "10", "8d", "0s", "1.5m"],
    "database_url": ["", "mysql://host/name", "host=localhost", "sqlite:///x"],
    "data": ["", "  "],
    "host": ["", "  "],
    "port": [
        "",
        "-1",
        "65536",
        "8_000",
        " 80",
        "80 ",
        "+80",
        "0x50",
        "8e3",
        "\u0668\u0660",
        "http",
    ],
    "workers": ["0", "65", "2.0", "auto"],
    "threads": ["0", "65", "four", "\u00b2"],
    "phone_check": ["", "strict", "Valid", "none"],
    "rate_limit": ["", "-1", "1000001", "x"],
    "max_import_bytes": ["1023", "1099511627777", "1GiB"],
    "wrong_key_limit": ["", "-1", "1000001", "some"],
    "trusted_proxies": ["proxy.lan", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "*"],
    "cors_origins": [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://*.example.com",
        "https://a.example https://b.example",
        "https://user@app.example.com",
    ],
    "console": ["", "0", "false", "No"],
    "metrics_public": ["", "1", "true", "Yes"],
    "log_level": ["", "INFO", "critical", "1"],
    "log_format": ["", "JSON", "xml"],
    "max_body_bytes": ["1023", "1073741825", "1MiB", "9" * 30, "9" * 5_000],
    "changes_days": ["", "0", "36501", "a month"],
    "webhook_allow_private": ["10.0.0.0/33", "http://hooks.lan", "a b", "*", "10.0.0.256", "a\nb"],
}


def reason(environ: dict[str, str]) -> str:
    with pytest.raises(StartError) as caught:
        load(environ)
    return str(caught.value)


def test_has_defaults() -> None:
    assert load({}) == Settings(
        data=default_data_folder(),
        host="127.0.0.1",
        port=8000,
        workers=2,
        threads=8,
        phone_check="possible",
        max_body_bytes=1_048_576,
        max_import_bytes=1_073_741_824,
        changes_days=30,
        webhook_allow_private=PrivateTargets(),
        rate_limit=6_000,
        wrong_key_limit=300,
        trusted_proxies=(),
        cors_origins=(),
        metrics_public=False,
        log_level="info",
        log_format="auto",
    )


def test_every_setting_has_a_case() -> None:
    assert set(GOOD) == set(BAD) == {each.name for each in fields(Settings)}


def test_every_setting_has_a_description() -> None:
    assert all(each.metadata["meaning"] for each in fields(Settings))


@pytest.mark.parametrize("name", GOOD)
def test_reads_the_environment(name: str) -> None:
    text, value = GOOD[name]
    assert getattr(load({PREFIX + name.upper(): text}), name) == value


@pytest.mark.parametrize("name", GOOD)
def test_options_override_the_environment(name: str) -> None:
    text, value = GOOD[name]
    default = getattr(load({}), name)
    other = RETRIES if name == "webhook_retries" else DEFAULT_TEXTS.get(default, str(default))
    assert getattr(load({PREFIX + name.upper(): other}, **{name: text}), name) == value
    assert getattr(load({PREFIX + name.upper(): text}, **{name: None}), name) == value


def test_rejects_bad_values(subtests: Subtests) -> None:
    for name, texts in BAD.items():
        for text in texts:
            with subtests.test(name, text=ascii(text)[:40]):
                message = reason({PREFIX + name.upper(): text})
                assert message.startswith(f"{PREFIX}{name.upper()} must be ")
                assert "\n" not in message and len(message) < 250


@pytest.mark.parametrize("text", ["0" * 20 + "99999", "0" * 20 + "9" * 30])
def test_rejects_numbers_with_leading_zeros(text: str) -> None:
    assert reason({"CONTACTS_PORT": text}).startswith("CONTACTS_PORT must be ")


def test_rejects_bad_options() -> None:
    with pytest.raises(StartError, match=r"^--max-body-bytes must be a whole number from 1024"):
        load({}, max_body_bytes="1")


def test_the_reason_names_the_allowed_values() -> None:
    assert reason({"CONTACTS_PORT": "http"}) == (
        "CONTACTS_PORT must be a whole number from 0 to 65535, not 'http'"
    )
    assert "possible or valid" in reason({"CONTACTS_PHONE_CHECK": "strict"})


def test_rejects_unknown_names() -> None:
    assert reason({"CONTACTS_PROT": "80"}) == (
        "unknown setting CONTACTS_PROT: did you mean CONTACTS_PORT?"
    )
    for name in ("CONTACTS_ZZZZZZZZ", "CONTACTS_", "CONTACTS_port"):
        assert reason({name: "80"}).startswith(f"unknown setting {name}: ")


def test_ignores_other_names() -> None:
    assert load({"PORT": "1", "contacts_port": "1", "MY_CONTACTS_PORT": "1"}) == load({})


def test_takes_a_relative_folder(monkeypatch: MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load({"CONTACTS_DATA": "here"}).data == tmp_path.resolve() / "here"


def test_expands_the_home_folder(monkeypatch: MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load({"CONTACTS_DATA": "~/contacts"}).data == tmp_path.resolve() / "contacts"


def test_rejects_the_home_folder_of_an_unknown_user() -> None:
    assert reason({"CONTACTS_DATA": "~no-such-user-here/x"}).startswith("CONTACTS_DATA must be ")


def test_keeps_the_database_in_the_folder(tmp_path: Path) -> None:
    assert load({}, data=tmp_path).database == tmp_path.resolve() / "contacts.db"


def test_default_folder_is_in_the_checkout() -> None:
    assert default_data_folder() == Path(__file__).resolve().parent.parent / "instance"


def test_default_folder_outside_a_checkout(monkeypatch: MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.settings._CHECKOUT", tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_data_folder() == tmp_path / "xdg" / "contacts-service"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_folder() == tmp_path / ".local" / "share" / "contacts-service"


def test_reads_the_process_environment(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTS_PORT", "8123")
    assert load().port == load_or_exit().port == 8123


def test_exits_with_status_2_and_one_line(
    monkeypatch: MonkeyPatch, capsys: CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTACTS_PORT", "http")
    with pytest.raises(SystemExit) as caught:
        load_or_exit()
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("contacts: CONTACTS_PORT must be ")


def test_reads_a_secret_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://user:secret@host/name\n")
    given = {"CONTACTS_DATABASE_URL_FILE": str(file)}
    settings = load(given)
    assert settings.database_url == "postgresql://user:secret@host/name"
    assert "secret" not in repr(settings)
    assert "set twice" in reason(given | {"CONTACTS_DATABASE_URL": "postgresql://a/b"})
    assert "cannot read" in reason({"CONTACTS_DATABASE_URL_FILE": str(tmp_path / "none")})
    assert "unknown setting CONTACTS_PORT_FILE" in reason({"CONTACTS_PORT_FILE": str(file)})


def test_never_shows_a_secret() -> None:
    assert "secret" not in reason({"CONTACTS_DATABASE_URL": "mysql://user:secret@host/name"})
