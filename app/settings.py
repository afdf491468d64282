"""Every setting, with its type, default and meaning; the only module that reads the environment."""

import difflib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from app.errors import StartError
from app.logs import FORMATS, LEVELS
from app.setting_values import (
    Network,
    PrivateTargets,
    parse_choice,
    parse_database_url,
    parse_durations,
    parse_integer,
    parse_networks,
    parse_origins,
    parse_path,
    parse_targets,
    parse_text,
    parse_yes_or_no,
)

PREFIX = "CONTACTS_"
_FILE = "_FILE"  # Ends the name of a variable that names a file with a secret.
_CHECKOUT = Path(__file__).resolve().parent.parent


def default_data_folder() -> Path:
    """Return `instance/` in a checkout, else a folder of the user (XDG Base Directory)."""
    if (_CHECKOUT / "setup.cfg").is_file():
        return _CHECKOUT / "instance"
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "contacts-service"


def _setting(
    parse: Callable[[str], Any], default: Any, meaning: str, *, secret: bool = False
) -> Any:
    """Describe a setting. A `secret` is never shown, and can be read from a file."""
    about = {"parse": parse, "meaning": meaning, "secret": secret}
    return field(default=default, metadata=about, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """The settings of one server; the environment variable of `port` is `CONTACTS_PORT`."""

    data: Path = field(
        default_factory=default_data_folder,
        metadata={
            "parse": parse_path,
            "meaning": "Folder that holds everything the service stores",
        },
    )
    database_url: str | None = _setting(
        parse_database_url,
        None,
        "URL of a PostgreSQL database that several servers share; none means a SQLite file in the "
        "data folder",
        secret=True,
    )
    host: str = _setting(parse_text, "127.0.0.1", "Address to listen on")
    port: int = _setting(parse_integer(0, 65_535), 8000, "Port to listen on; 0 takes a free one")
    workers: int = _setting(parse_integer(1, 64), 2, "Worker processes")
    threads: int = _setting(parse_integer(1, 64), 8, "Threads in each worker process")
    phone_check: str = _setting(
        parse_choice("possible", "valid"),
        "possible",
        "`possible` accepts any number of a possible length, `valid` only assigned ranges",
    )
    max_body_bytes: int = _setting(
        parse_integer(1_024, 2**30),
        2**20,
        "Largest request body, in bytes; a larger one gets a 413",
    )
    max_import_bytes: int = _setting(
        parse_integer(1_024, 2**40),
        2**30,
        "Largest body of an import, in bytes; a larger one gets a 413",
    )
    changes_days: int = _setting(parse_integer(1, 36_500), 30, "Days for which the journal is kept")
    webhook_allow_private: PrivateTargets = field(
        default=PrivateTargets(),
        metadata={
            "parse": parse_targets,
            "meaning": "Private networks and host names, separated by commas, that webhooks may "
            "reach, over http:// too",
        },
    )
    webhook_retries: tuple[int, ...] = _setting(
        parse_durations,
        (10, 60, 300),
        "Waiting times before the retries of a delivery, separated by commas; units are `s`, `m`, "
        "`h` and `d`",
    )
    rate_limit: int = _setting(
        parse_integer(0, 1_000_000),
        6_000,
        "Requests a minute for a key that has no limit of its own; `0` means no limit",
    )
    wrong_key_limit: int = _setting(
        parse_integer(0, 1_000_000),
        300,
        "Wrong keys a minute from one address that get a 401; `0` means no limit",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        parse_networks,
        (),
        "Networks of proxies, separated by commas, whose X-Forwarded-For, -Proto, -Host and "
        "-Prefix are believed",
    )
    cors_origins: tuple[str, ...] = _setting(
        parse_origins, (), "Origins of web pages, separated by commas, that may call /v1 (CORS)"
    )
    metrics_public: bool = _setting(parse_yes_or_no, False, "`yes` serves /metrics without a key")
    console: bool = _setting(parse_yes_or_no, True, "`no` switches off the console at /")
    log_level: str = _setting(
        parse_choice(*LEVELS), "info", "Lowest level that is logged; requests are logged at `info`"
    )
    log_format: str = _setting(
        parse_choice(*FORMATS), "auto", "`json`, `text`, or `auto`: text on a terminal, else JSON"
    )

    @property
    def database(self) -> Path:
        return self.data / "contacts.db"


def load(
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    /,
    **given: object,
) -> Settings:
    """Read the settings from the environment; those `given` (and not None) take precedence.

    `defaults` replace the defaults of `Settings`.
    Raises `StartError` for an unknown `CONTACTS_` name or an invalid value.
    """
    environ = os.environ if environ is None else environ
    known = {PREFIX + each.name.upper(): each for each in fields(Settings)}
    values: dict[str, Any] = {}
    for name, text in environ.items():
        if name.startswith(PREFIX):
            setting = known.get(name) or known.get(name.removesuffix(_FILE))
            if setting is None or (name not in known and not setting.metadata.get("secret")):
                raise StartError(_unknown(name, known))
            if setting.name in values:
                raise StartError(f"{name.removesuffix(_FILE)} is set twice: remove one of the two")
            if name not in known:
                text = _content(name, text)
            values[setting.name] = _parse(name, text, setting.metadata)
    for key, value in given.items():
        if value is not None:
            option = "--" + key.replace("_", "-")
            values[key] = _parse(option, str(value), known[PREFIX + key.upper()].metadata)
    return Settings(**{**(defaults or {}), **values})


def load_or_exit() -> Settings:
    """Read the environment; if it is invalid, print one line and exit with status 2."""
    try:
        return load()
    except StartError as error:
        sys.stderr.write(f"contacts: {error}\n")
        raise SystemExit(2) from None


def _content(name: str, file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StartError(f"{name}: cannot read {file}: {why}") from None


def _parse(name: str, text: str, about: Mapping[str, Any]) -> Any:
    try:
        return about["parse"](text)
    except (ValueError, OSError, RuntimeError) as error:
        given = "" if about.get("secret") else f", not {text[:100]!r}"
        raise StartError(f"{name} must be {error}{given}") from None


def _unknown(name: str, known: Mapping[str, object]) -> str:
    endings = [each.removeprefix(PREFIX) for each in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), endings, n=1)
    hint = f"did you mean {PREFIX}{near[0]}?" if near else "see docs/configuration.md"
    return f"unknown setting {name}: {hint}"
