"""What a stand-in has in it from the start: contacts of a file, or a demonstration."""

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, TypeVar

from app.contacts import bulk, phone
from app.contacts.model import Draft
from app.contacts.schemas import ContactSchema
from app.database import Database
from app.errors import ServiceError, StartError
from app.standin.people import PEOPLE
from app.transfer.importer import Importer
from app.transfer.report import Report
from app.transfer.sources import open_source

ROWS_AT_ONCE = 1_000
_TAGS = ("Lead", "VIP", "Newsletter", "Trial", "Churned")
_PLANS = ("free", "pro", "team")
T = TypeVar("T")
_SOURCES = ("AdWords", "Referral", "Instagram", "Website")


def load_rows(
    db: Database, chunks: Iterable[bytes], format: str, *, phone_check: str, dry_run: bool
) -> None:
    """Load CSV or JSON Lines, as an import would. Raises `StartError` for the first bad row."""
    report = Report(dry_run=dry_run)
    try:
        source = open_source(chunks, format, {}, guess=False)
        importer = Importer(db, ContactSchema(phone_check), report, names=source.names)
        with closing(importer):
            importer.run(source.rows)
    except ServiceError as error:
        raise StartError(f"--seed: {error.message}") from None
    if report.errors:
        first = report.errors[0]
        column = f"{first['column']}: " if first["column"] else ""
        raise StartError(f"--seed line {first['line']}: {column}{first['reason']}")


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
