"""Fills a stand-in at its start: `--seed` from a file, `--demo` with invented contacts."""

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, BinaryIO, TypeVar

from app.contacts import bulk, phone
from app.contacts.model import Draft
from app.database import Database
from app.errors import ServiceError, StartError
from app.standin.demo_names import NAMES
from app.transfer.intake import Intake
from app.transfer.options import Options
from app.transfer.readers import Source

BATCH_SIZE = 1_000
_TAGS = ("Lead", "VIP", "Newsletter", "Trial", "Churned")
_PLANS = ("free", "pro", "team")
T = TypeVar("T")
_SOURCES = ("AdWords", "Referral", "Instagram", "Website")


def load_rows(db: Database, file: BinaryIO, name: str, *, phone_check: str, dry_run: bool) -> None:
    """Load a file, as an import does. Raises `StartError` for the first invalid row."""
    options = Options(international=True, replace_tags=True)
    try:
        with Intake(Source(file, name), options, phone_check) as intake:
            importer = intake.importer(db, dry_run=dry_run)
            with closing(importer):
                intake.run(db, importer)
    except ServiceError as error:
        raise StartError(f"--seed: {error.message}") from None
    report = importer.report
    if report.errors:
        first = report.errors[0]
        column = f"{first['column']}: " if first["column"] else ""
        raise StartError(f"--seed line {first['line']}: {column}{first['reason']}")


def load_demo(db: Database, count: int) -> None:
    """Create `count` plausible contacts of 30 countries, the same each time."""
    for rows in _batches(demo(count)):
        outcomes = bulk.upsert_all(db, [Draft(**row) for row in rows])
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, ServiceError):
                raise StartError(f"{row['phone']}: {outcome.message}")


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch


def demo(count: int) -> Iterator[dict[str, Any]]:
    """Yield contacts, each with a mobile number of its country that no other contact has."""
    source = random.Random(1)
    regions = list(NAMES)
    numbers = {region: phone.examples(region) for region in regions}
    for index in range(count):
        region = regions[index % len(regions)]
        first_names, last_names = NAMES[region]
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
