"""`docs/configuration.md` lists every setting as `app/settings.py` has it."""

import re
from dataclasses import MISSING, Field, fields
from typing import Any

import pytest

from app.setting_values import PrivateTargets, parse_durations
from app.settings import PREFIX, Settings
from tests.docs.pages import page, rows

RETRIES = Settings.webhook_retries
SETTINGS = {PREFIX + each.name.upper(): each for each in fields(Settings)}
LISTED = {
    row[0].strip("`"): row[1:]
    for row in rows(page("docs/configuration.md"))
    if row[0].startswith(f"`{PREFIX}")
}


def test_lists_every_setting_and_no_other() -> None:
    assert set(LISTED) == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_shows_the_default(name: str) -> None:
    default = SETTINGS[name].default
    shown = LISTED[name][0]
    if default is MISSING:
        assert shown.startswith("`instance/` in a checkout, else `~/.local/share/contacts-service`")
    else:
        words = {
            None: "none",
            False: "`no`",
            True: "`yes`",
            (): "none",
            PrivateTargets(): "none",
            RETRIES: "`10s,60s,5m`",
        }
        assert shown == words.get(default, f"`{default}`")
        assert default != RETRIES or parse_durations("10s,60s,5m") == RETRIES


# Settings whose values the page describes in words.
DESCRIBED = {
    "CONTACTS_DATA",
    "CONTACTS_DATABASE_URL",
    "CONTACTS_HOST",
    "CONTACTS_WEBHOOK_ALLOW_PRIVATE",
    "CONTACTS_WEBHOOK_RETRIES",
    "CONTACTS_TRUSTED_PROXIES",
    "CONTACTS_CORS_ORIGINS",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_shows_the_values_that_are_accepted(name: str) -> None:
    values = LISTED[name][1]
    if bounds := re.fullmatch(r"(\d+) to (\d+)", values):
        lowest, highest = map(int, bounds.groups())
        assert all(is_accepted(SETTINGS[name], str(each)) for each in (lowest, highest))
        assert not any(is_accepted(SETTINGS[name], str(each)) for each in (lowest - 1, highest + 1))
    elif choices := re.findall(r"`([a-z]+)`", values):
        assert all(is_accepted(SETTINGS[name], each) for each in choices)
        assert not is_accepted(SETTINGS[name], "x" + choices[0])
    else:
        assert name in DESCRIBED


@pytest.mark.parametrize("name", SETTINGS)
def test_documents_the_values_of_each_setting(name: str) -> None:
    """The page has every value, status and name that the setting's description has."""
    meaning = SETTINGS[name].metadata["meaning"]
    documented = " ".join(LISTED[name][1:])
    facts = re.findall(r"`([^`]+)`|\b(\d{3}|[A-Z]{4,})\b|(X-[\w-]+|/\w+|http://)", meaning)
    missing = [fact for each in facts for fact in each if fact and fact not in documented]
    assert (missing, documented[-1]) == ([], ".")


def is_accepted(setting: "Field[Any]", text: str) -> bool:
    try:
        setting.metadata["parse"](text)
    except ValueError:
        return False
    return True
