"""What a stand-in has in it from the start: contacts of a file, or a demonstration."""

import json
import random
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from app.contacts import bulk, phone
from app.contacts.model import Draft
from app.contacts.schemas import ContactSchema
from app.database import Database
from app.errors import ServiceError, StartError, ValidationError
from app.standin.people import PEOPLE
from app.web.requests import load

ROWS_AT_ONCE = 1_000
# What an export tells of a contact beside what an import takes.
_TOLD = ("id", "created_at", "updated_at")
_TAGS = ("Lead", "VIP", "Newsletter", "Trial", "Churned")
_PLANS = ("free", "pro", "team")
T = TypeVar("T")
_SOURCES = ("AdWords", "Referral", "Instagram", "Website")


def load_file(db: Database, file: Path, phone_check: str) -> int:
    """Load JSON Lines, as exported; return how many rows. Raises `StartError` for a bad one.

    A row's `id` must fit its phone; times are those of the loading.
    """
    schema = ContactSchema(phone_check)
    number = 0
    try:
        with file.open(encoding="utf-8-sig") as lines:
            rows = ((place, text) for place, text in enumerate(lines, 1) if text.strip())
            for rows_at_once in _in_parts(rows):
                drafts = [_draft(schema, file, *row) for row in rows_at_once]
                _store(db, drafts, [f"{file} line {place}" for place, _ in rows_at_once])
                number += len(drafts)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StartError(f"cannot read {file}: {why}") from None
    return number


def _draft(schema: ContactSchema, file: Path, place: int, text: str) -> Draft:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise StartError(f'{file} line {place}: must be a JSON object, such as {{"phone": "…"}}')
    try:
        draft = cast(Draft, load(schema, {k: row[k] for k in row if k not in _TOLD}))
    except ValidationError as error:
        raise StartError(f"{file} line {place}: {error.message}") from None
    if row.get("id") not in (None, f"cnt_{draft.phone}"):
        raise StartError(f"{file} line {place}: the id does not fit the phone")
    return draft


def load_demo(db: Database, count: int) -> None:
    """Make so many plausible contacts over 30 countries, the same each time."""
    for rows in _in_parts(demo(count)):
        _store(db, [Draft(**row) for row in rows], [row["phone"] for row in rows])


def _in_parts(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield part


def _store(db: Database, drafts: list[Draft], names: list[str]) -> None:
    for name, outcome in zip(names, bulk.upsert_all(db, drafts), strict=True):
        if isinstance(outcome, ServiceError):
            raise StartError(f"{name}: {outcome.message}")


def demo(count: int) -> Iterator[dict[str, Any]]:
    """Give contacts, each with a mobile number of its country that no other one has."""
    source = random.Random(1)
    regions = list(PEOPLE)
    numbers = {region: phone.examples(region) for region in regions}
    for index in range(count):
        region = regions[index % len(regions)]
        first_names, last_names = PEOPLE[region]
        first, last = source.choice(first_names), source.choice(last_names)
        yield {
            "phone": next(numbers[region]),
            "first_name": first,
            "last_name": last,
            "email": f"contact{index + 1}@{region.lower()}.example.com",
            "tags": tuple(source.sample(_TAGS, source.randrange(3))),
            "custom_fields": {
                "country": region,
                "plan": source.choice(_PLANS),
                "score": source.randrange(101),
                "opted_in": source.random() < 0.8,
                "acquisition_source": source.choice(_SOURCES),
            },
        }
