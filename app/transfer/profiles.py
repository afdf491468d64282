"""Recognises what programs and people call their columns, from the table `profiles.toml`.

Example: `Mobile Phone 2` is a column of mobile numbers, `Phone verified` is none.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from app.contacts.national import region_names

# The order in which phone numbers are tried.
PHONE_KINDS = ("whatsapp", "mobile", "main", "home", "work", "other")
NEVER = "never"  # Fax numbers and pagers.
_PHONES = {"phone", "whatsapp", "mobile", "landline", NEVER}
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")
# Spellings of single words: WhatsApp and iPhone have a capital inside, E.164 has digits.
_SINGLE = re.compile(r"(?:what)s[\s-]?app|iphone|e\.?164", re.I)
_CONTACTS = {"contact", "contacto", "contato", "contatto", "kontakt"}
_NUMBERS = {"number", "numbers", "no", "nr", "num", "numero", "nummer", "n"}
_WITH_CODE = re.compile(
    r"\W*\b(?:with|incl|including|inc)\W+(?:the )?(?:country|dial)\W*code\W*", re.I
)


def plain(name: str) -> str:
    """Return the letters and digits of a name, without case and accents."""
    return "".join(letter for letter in _folded(name) if letter.isalnum())


def words(name: str) -> list[str]:
    """Return the words and numbers of a name: `mobilePhone2` has mobile, phone and 2."""
    name = _SINGLE.sub(lambda match: f" {_single(match[0])} ", name)
    return _WORD.findall(_folded(_CAMEL.sub(" ", name)))


def _single(word: str) -> str:
    letters = "".join(filter(str.isalpha, word)).lower()
    return "" if letters == "e" else letters


def _folded(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in decomposed if not unicodedata.category(each).startswith("M"))


@dataclass(frozen=True)
class Profile:
    """How the files of one program differ from what the names of columns say.

    `columns` maps patterns of plain names to fields. `empty` are cells that mean nothing.
    """

    name: str
    needs: frozenset[str]
    columns: Sequence[tuple[re.Pattern[str], str]] = ()
    tag_separator: str | None = None
    empty: frozenset[str] = frozenset()
    as_written: bool = False

    def field(self, name: str) -> str | None:
        """Return the field of a column, "" if it is left out, None if it is not in the profile."""
        found = (field for pattern, field in self.columns if pattern.fullmatch(plain(name)))
        return next(found, None)


@dataclass(frozen=True)
class _Table:
    profiles: Sequence[Profile]
    phone_words: Mapping[str, str]
    email_words: Mapping[str, str]
    names: Mapping[str, str]
    countries: Mapping[str, str] = field(default_factory=dict)


@cache
def _table() -> _Table:
    text = resources.files("app.transfer").joinpath("profiles.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return _Table(
        [_profile(**each) for each in data["profiles"]],
        _by_word(data["phone_words"]),
        _by_word(data["email_words"]),
        _by_word(data["names"]),
        _by_word(data["countries"]),
    )


def _by_word(lists: Mapping[str, str]) -> dict[str, str]:
    return {plain(word): key for key, text in lists.items() for word in text.split()}


def _profile(
    *, needs: Iterable[str], columns: Mapping[str, str] | None = None, **more: Any
) -> Profile:
    patterns = [(_pattern(name), field) for name, field in (columns or {}).items()]
    empty = frozenset(more.pop("empty", ()))
    return Profile(needs=frozenset(map(plain, needs)), columns=patterns, empty=empty, **more)


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(r"\d+".join(re.escape(plain(part)) for part in name.split("{n}")))


def all_profiles() -> Sequence[Profile]:
    return _table().profiles


def find_profile(header: Iterable[str]) -> Profile | None:
    """Return the profile whose needed columns are all there: of several the most demanding."""
    names = set(map(plain, header))
    fitting = [each for each in _table().profiles if each.needs <= names]
    return max(fitting, key=lambda each: len(each.needs), default=None)


def named_profile(name: str) -> Profile:
    return next(each for each in _table().profiles if each.name == name)


def phone_kind(name: str) -> str | None:
    """Return which phone numbers a column has, one of `PHONE_KINDS` or `NEVER`; None for none."""
    found = _known(_WITH_CODE.sub(" ", name), _table().phone_words)
    if found is None:
        return None
    is_phone = found & _PHONES or "telefon" in plain(name)  # Such as Privattelefon.
    spoken = set(words(name))
    is_phone = is_phone or (spoken & _CONTACTS and spoken & _NUMBERS)  # Such as Alt. Contact No.
    return _kind(found) if is_phone else None


def label_kind(label: str) -> str:
    """Return which number a label beside it names, such as Work Fax; "main" for an empty one."""
    table, found = _table().phone_words, words(label)
    # The whole label too: the words of WhatsApp and iPhone are not what it is known by.
    kinds = {table[word] for word in (*found, plain(label)) if word in table}
    return _kind(kinds) if kinds or not found else "other"


def _kind(found: set[str]) -> str:
    if {"main", "work"} <= found and NEVER not in found:
        return "other"  # The number of a company, which its people share.
    if "landline" in found:
        found = found | {"home"}
    order = (NEVER, "whatsapp", "mobile", "other", "work", "home")
    return next((kind for kind in order if kind in found), "main")


def is_email(name: str) -> bool:
    return "email" in (_known(name, _table().email_words) or ())


def _known(name: str, table: Mapping[str, str]) -> set[str] | None:
    """Return what the words of a name stand for, None where one is unknown."""
    whole = plain(name)
    if whole in table:
        return {table[whole]}
    found = {table.get(word, "") for word in words(name) if not word.isdigit()}
    return None if "" in found else found


def field_of(name: str) -> str | None:
    """Return the field that a whole header names in some language; None for an unknown one."""
    return _table().names.get(plain(name))


def region_named(name: str) -> str | None:
    """Return the two letters of a country by its name in some language."""
    found = _table().countries.get(plain(name))
    return found or _country_names().get(plain(name))


@cache
def _country_names() -> Mapping[str, str]:
    return {plain(name): region for name, region in region_names()}
