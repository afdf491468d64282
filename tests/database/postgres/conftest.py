"""Stores in PostgreSQL for these tests."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from app.database.postgres.store import Database
from app.settings import Settings


@pytest.fixture
def engine() -> str:
    return "postgres"


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    assert settings.database_url
    settings.data.mkdir()
    with closing(Database(settings.database_url, settings.data)) as db:
        yield db
